package io.github.mamba4j.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The two ceilings of one core against which kernels are judged: fused multiply-adds in registers,
 * and bytes read from memory.
 *
 * <p>One operation of {@link #fusedMultiplyAdd} is one vector instruction, so GFLOP/s = operations
 * per nanosecond × 2 × lanes. One operation of {@link #read} is one byte, so operations per
 * nanosecond are GB/s.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar MachineBenchmark
 * }</pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class MachineBenchmark {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int FMA_ROUNDS = 1024;
  private static final int FMA_CHAINS = 10;
  private static final int READ_BYTES = 256 << 20;

  private Arena arena;
  private MemorySegment memory;

  /** Allocates a segment that no cache holds. */
  @Setup
  public void allocate() {
    arena = Arena.ofConfined();
    memory = arena.allocate(READ_BYTES, 64);
    memory.fill((byte) 1);
  }

  /** Frees the segment. */
  @TearDown
  public void free() {
    arena.close();
  }

  /**
   * Runs ten independent chains, enough to hide the latency of a fused multiply-add on two ports.
   *
   * @return the sum, so that the work is not removed
   */
  @Benchmark
  @OperationsPerInvocation(FMA_ROUNDS * FMA_CHAINS)
  public float fusedMultiplyAdd() {
    FloatVector x = FloatVector.broadcast(SPECIES, 0.999f);
    FloatVector y = FloatVector.broadcast(SPECIES, 0.001f);
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
    for (int i = 0; i < FMA_ROUNDS; i++) {
      a0 = a0.fma(x, y);
      a1 = a1.fma(x, y);
      a2 = a2.fma(x, y);
      a3 = a3.fma(x, y);
      a4 = a4.fma(x, y);
      a5 = a5.fma(x, y);
      a6 = a6.fma(x, y);
      a7 = a7.fma(x, y);
      a8 = a8.fma(x, y);
      a9 = a9.fma(x, y);
    }
    FloatVector low = a0.add(a1).add(a2).add(a3).add(a4);
    return low.add(a5.add(a6).add(a7).add(a8).add(a9)).lane(0);
  }

  /**
   * Adds up the segment with four accumulators.
   *
   * @return the sum, so that the work is not removed
   */
  @Benchmark
  @OperationsPerInvocation(READ_BYTES)
  public float read() {
    FloatVector a0 = FloatVector.zero(SPECIES);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    long step = SPECIES.vectorByteSize();
    for (long at = 0; at < READ_BYTES; at += 4 * step) {
      a0 = a0.add(load(at));
      a1 = a1.add(load(at + step));
      a2 = a2.add(load(at + 2 * step));
      a3 = a3.add(load(at + 3 * step));
    }
    return a0.add(a1).add(a2.add(a3)).lane(0);
  }

  private FloatVector load(long at) {
    return FloatVector.fromMemorySegment(SPECIES, memory, at, ByteOrder.nativeOrder());
  }
}
