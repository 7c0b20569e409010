package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
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
  private Forward forward;
  private @Nullable Backward backward;

  /**
   * Makes the inputs and checks some channels in double precision.
   *
   * @param benchmark which method is to run
   */
  @Setup
  public void prepare(BenchmarkParams benchmark) {
    backend = ForkFlags.openCpu(benchmark, threads);
    BenchmarkMemory memory = new BenchmarkMemory(backend);
    ScanChannels channels = new ScanChannels(memory, LENGTH, D_INNER, D_STATE);
    Shape shape = new Shape(1, LENGTH, D_INNER, D_STATE, Discretization.EULER, true);
    ScanKernels scan = backend.scan();
    View out = rows(memory, D_INNER);
    View checkpoints =
        pass == Pass.FORWARD ? null : memory.empty(scan.checkpointFloats(shape), D_INNER);
    View forwardScratch = memory.empty(scan.forwardWorkspaceFloats(shape), D_INNER);
    Inputs inputs = channels.inputs();
    forward = new Forward(shape, inputs, out, null, checkpoints, forwardScratch);
    scan.forward(forward);
    channels.checkOut(memory.read(out, (long) LENGTH * D_INNER));
    if (checkpoints != null) {
      Sink uGrad = new Sink(rows(memory, D_INNER), false);
      Sink dtGrad = new Sink(rows(memory, D_INNER), false);
      Gradients gradients = gradients(memory, uGrad, dtGrad);
      View scratch = memory.empty(scan.backwardWorkspaceFloats(shape), D_INNER);
      backward =
          new Backward(shape, inputs, channels.outGrad(), null, checkpoints, gradients, scratch);
      scan.backward(backward);
      channels.checkGradients(
          memory.read(uGrad.view(), (long) LENGTH * D_INNER),
          memory.read(dtGrad.view(), (long) LENGTH * D_INNER));
    }
  }

  private static View rows(BenchmarkMemory memory, int cols) {
    return memory.empty((long) LENGTH * cols, cols);
  }

  private static Gradients gradients(BenchmarkMemory memory, Sink uGrad, Sink dtGrad) {
    return new Gradients(
        uGrad,
        dtGrad,
        new Sink(memory.empty((long) D_INNER * D_STATE, D_STATE), false),
        new Sink(rows(memory, D_STATE), false),
        new Sink(rows(memory, D_STATE), false),
        new Sink(memory.empty(D_INNER, D_INNER), false),
        new Sink(rows(memory, D_INNER), false),
        new Sink(memory.empty(D_INNER, D_INNER), false),
        null);
  }

  /** Ends the threads. */
  @TearDown
  public void free() {
    backend.close();
  }

  private void scan() {
    backend.scan().forward(forward);
    Backward gradients = backward;
    if (gradients != null) {
      backend.scan().backward(gradients);
    }
  }

  /** Scans with the vector kernels. */
  @Benchmark
  public void vector() {
    scan();
  }

  /** Scans with the scalar kernels. */
  @Benchmark
  @Fork(value = 3, jvmArgsAppend = ForkFlags.SCALAR)
  public void scalar() {
    scan();
  }
}
