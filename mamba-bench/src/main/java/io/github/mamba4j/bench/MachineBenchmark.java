package io.github.mamba4j.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * The two ceilings against which kernels are judged: fused multiply-adds in registers ({@code
 * flops}), and bytes read from 1 GiB of memory ({@code readBytes}).
 *
 * <p>One operation is one pass over the threads' shares. JMH's own threads do the work, so the
 * ceiling of several cores is measured with {@code -t}:
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar MachineBenchmark -t 1
 * java -jar mamba-bench/target/benchmarks.jar MachineBenchmark -t 2
 * }</pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class MachineBenchmark {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int FMA_ROUNDS = 1024;
  private static final int FMA_CHAINS = 10;
  private static final long ALL_THREADS_BYTES = 1L << 30;
  private static final int ACCUMULATORS = 4;

  private Arena arena;
  private MemorySegment memory;

  /**
   * Allocates this thread's share of what no cache holds.
   *
   * @param benchmark the number of threads
   */
  @Setup
  public void allocate(BenchmarkParams benchmark) {
    long stride = (long) ACCUMULATORS * SPECIES.vectorByteSize();
    long bytes = ALL_THREADS_BYTES / benchmark.getThreads() / stride * stride;
    arena = Arena.ofConfined();
    memory = arena.allocate(bytes, 64);
    for (long at = 0; at < bytes; at += Float.BYTES) {
      memory.set(ValueLayout.JAVA_FLOAT, at, 1f);
    }
    double expected = (double) bytes / Float.BYTES;
    float sum = sum();
    // Each accumulator's lane counts to 2^24 at most, as far as floats are exact.
    if (Math.abs(sum - expected) > 1e-6 * expected) {
      throw new IllegalStateException("MachineBenchmark: " + bytes + " bytes add up to " + sum);
    }
  }

  /** Frees the segment. */
  @TearDown
  public void free() {
    arena.close();
  }

  /**
   * Runs ten independent chains, enough to hide the latency of a fused multiply-add on two ports.
   *
   * @param flops counts the operations
   * @return the sum, so that the work is not removed
   */
  @Benchmark
  public float fusedMultiplyAdd(FlopCounter flops) {
    flops.flops += 2L * FMA_ROUNDS * FMA_CHAINS * SPECIES.length();
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
   * Adds up the thread's share with four accumulators.
   *
   * @param reads counts the bytes
   * @return the sum, so that the work is not removed
   */
  @Benchmark
  public float read(ReadCounter reads) {
    reads.readBytes += memory.byteSize();
    return sum();
  }

  private float sum() {
    FloatVector a0 = FloatVector.zero(SPECIES);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    long step = SPECIES.vectorByteSize();
    long bytes = memory.byteSize();
    for (long at = 0; at < bytes; at += ACCUMULATORS * step) {
      a0 = a0.add(load(at));
      a1 = a1.add(load(at + step));
      a2 = a2.add(load(at + 2 * step));
      a3 = a3.add(load(at + 3 * step));
    }
    return a0.add(a1).add(a2.add(a3)).reduceLanes(VectorOperators.ADD);
  }

  private FloatVector load(long at) {
    return FloatVector.fromMemorySegment(SPECIES, memory, at, ByteOrder.nativeOrder());
  }
}
