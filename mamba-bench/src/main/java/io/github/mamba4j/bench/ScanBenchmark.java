package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * The selective scan of one layer of mamba-130m on one sequence of 2048 tokens: dInner 1536, dState
 * 16, with gate, skip, bias and softplus, Euler's B̄.
 *
 * <p>One operation is one scan, with all nine gradients but that of the initial state where {@link
 * #pass} says so. {@link #vector} and {@link #scalar} differ in their forks' flags only.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar ScanBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5, time = 5)
@Measurement(iterations = 5, time = 2)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class ScanBenchmark {
  private static final int LENGTH = 2048;
  private static final int D_INNER = 1536;
  private static final int D_STATE = 16;

  /** What is computed. */
  public enum Pass {
    /** The result, and nothing kept for gradients. */
    FORWARD,
    /** The result and then the gradients. */
    FORWARD_BACKWARD
  }

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  /** What is computed. */
  @Param public Pass pass = Pass.FORWARD;

  private Backend backend;
  private ScanRun run;

  /**
   * Makes the inputs and checks some channels in double precision.
   *
   * @param benchmark which method is to run
   */
  @Setup
  public void prepare(BenchmarkParams benchmark) {
    backend = ForkFlags.openCpu(benchmark, threads);
    run = new ScanRun(backend, new ScanChannels(LENGTH, D_INNER, D_STATE));
    run.allocate(pass == Pass.FORWARD_BACKWARD);
    run.run();
    run.check();
  }

  /** Ends the threads. */
  @TearDown
  public void free() {
    backend.close();
  }

  /** Scans with the vector kernels. */
  @Benchmark
  public void vector() {
    run.run();
  }

  /** Scans with the scalar kernels. */
  @Benchmark
  @Fork(value = 3, jvmArgsAppend = ForkFlags.SCALAR)
  public void scalar() {
    run.run();
  }
}
