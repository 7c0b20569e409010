package io.github.mamba4j.bench;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The loops that find a core's ceilings: arithmetic in registers, and reading of memory. */
public final class MachineLoops {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int REPETITIONS = 32;
  private static final int ROUNDS = REPETITIONS * Integer.SIZE;
  private static final int CHAINS = 10;
  private static final int ACCUMULATORS = 4;

  /** Not constants: the compiler would rather make those anew than keep them in registers. */
  private static final float[] FACTORS = {0.999f, 0.001f};

  /** Multiplications and additions of one {@link #fusedMultiplyAdd} call. */
  public static final long FMA_FLOPS = 2L * ROUNDS * CHAINS * SPECIES.length();

  /** Bytes that {@link #sum} reads at a time. */
  public static final long SUM_STRIDE = (long) ACCUMULATORS * SPECIES.vectorByteSize();

  private MachineLoops() {}

  /**
   * Runs ten independent chains, enough to hide the latency of a fused multiply-add on two ports.
   * Each adds to itself. As a factor it would cost a copy of the addend each time, because the
   * instruction overwrites that.
   *
   * <p>The inner loop counts by shifts, which the compiler does not unroll. Where it does, it puts
   * the steps of two chains side by side before those of the next two, and waits for their results:
   * half of the peak with AVX-512.
   *
   * @return the sum, so that the work is not removed
   */
  public static float fusedMultiplyAdd() {
    FloatVector x = FloatVector.broadcast(SPECIES, FACTORS[0]);
    FloatVector y = FloatVector.broadcast(SPECIES, FACTORS[1]);
    FloatVector a0 = x;
    FloatVector a1 = x;
    FloatVector a2 = x;
    FloatVector a3 = x;
    FloatVector a4 = x;
    FloatVector a5 = x;
    FloatVector a6 = x;
    FloatVector a7 = x;
    FloatVector a8 = x;
    FloatVector a9 = x;
    for (int i = 0; i < REPETITIONS; i++) {
      for (int bits = -1; bits != 0; bits <<= 1) {
        a0 = x.fma(y, a0);
        a1 = x.fma(y, a1);
        a2 = x.fma(y, a2);
        a3 = x.fma(y, a3);
        a4 = x.fma(y, a4);
        a5 = x.fma(y, a5);
        a6 = x.fma(y, a6);
        a7 = x.fma(y, a7);
        a8 = x.fma(y, a8);
        a9 = x.fma(y, a9);
      }
    }
    FloatVector low = a0.add(a1).add(a2).add(a3).add(a4);
    return low.add(a5.add(a6).add(a7).add(a8).add(a9)).lane(0);
  }

  /**
   * Adds up floats with four accumulators. Each accumulator's lane counts ones to 2^24 at most, as
   * far as floats are exact.
   *
   * @param memory floats, a multiple of {@link #SUM_STRIDE} bytes
   * @return the sum
   */
  public static float sum(MemorySegment memory) {
    FloatVector a0 = FloatVector.zero(SPECIES);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    long step = SPECIES.vectorByteSize();
    long bytes = memory.byteSize();
    for (long at = 0; at < bytes; at += SUM_STRIDE) {
      a0 = a0.add(load(memory, at));
      a1 = a1.add(load(memory, at + step));
      a2 = a2.add(load(memory, at + 2 * step));
      a3 = a3.add(load(memory, at + 3 * step));
    }
    return a0.add(a1).add(a2.add(a3)).reduceLanes(VectorOperators.ADD);
  }

  private static FloatVector load(MemorySegment memory, long at) {
    return FloatVector.fromMemorySegment(SPECIES, memory, at, ByteOrder.nativeOrder());
  }
}
