package io.github.mamba4j.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;
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
  private static final long ALL_THREADS_BYTES = 1L << 30;

  private Arena arena;
  private MemorySegment memory;

  /**
   * Allocates this thread's share of what no cache holds.
   *
   * @param benchmark the number of threads
   */
  @Setup
  public void allocate(BenchmarkParams benchmark) {
    long stride = MachineLoops.SUM_STRIDE;
    long bytes = ALL_THREADS_BYTES / benchmark.getThreads() / stride * stride;
    arena = Arena.ofShared();
    memory = arena.allocate(bytes, 64);
    for (long at = 0; at < bytes; at += Float.BYTES) {
      memory.set(ValueLayout.JAVA_FLOAT, at, 1f);
    }
    double expected = (double) bytes / Float.BYTES;
    float sum = MachineLoops.sum(memory);
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
    flops.flops += MachineLoops.FMA_FLOPS;
    return MachineLoops.fusedMultiplyAdd();
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
    return MachineLoops.sum(memory);
  }
}
