package io.github.mamba4j.bench;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
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
 * The scan of one layer of mamba2-130m on one sequence: 24 heads of 64 channels, dState 128, one
 * group. A pass over 2048 tokens, forward alone or with all eight gradients but that of the initial
 * state, or one step of a decoder in place.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar SsdBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class SsdBenchmark {
  private static final int LENGTH = 2048;
  private static final int HEADS = 24;
  private static final int HEAD_DIM = 64;
  private static final int D_INNER = HEADS * HEAD_DIM;
  private static final int D_STATE = 128;
  private static final int CHECKED_HEAD = 7;
  private static final double TOLERANCE = 1e-4;

  /** What is computed. */
  public enum Pass {
    /** The result of 2048 tokens, and nothing kept for gradients. */
    FORWARD,
    /** The result of 2048 tokens and then the gradients. */
    FORWARD_BACKWARD,
    /** The result of one token, on the state of those before. */
    STEP
  }

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  /** What is computed. */
  @Param public Pass pass = Pass.FORWARD;

  /** Steps of a chunk; the kernels take at most 64. */
  @Param("64")
  public int chunkSize;

  private Backend backend;
  private Forward forward;
  private @Nullable Backward backward;

  /**
   * Makes the inputs and checks a head in double precision.
   *
   * @param benchmark which method is to run
   */
  @Setup
  public void prepare(BenchmarkParams benchmark) {
    backend = ForkFlags.openCpu(benchmark, threads);
    BenchmarkMemory memory = new BenchmarkMemory(backend);
    int length = pass == Pass.STEP ? 1 : LENGTH;
    float noLimit = Float.POSITIVE_INFINITY;
    Shape shape = new Shape(1, length, HEADS, HEAD_DIM, 1, D_STATE, chunkSize, false, 0, noLimit);
    SsdKernels ssd = backend.ssd();
    float[] x = memory.uniform((long) length * D_INNER, -1, 1);
    float[] dt = memory.uniform((long) length * HEADS, -0.5, 0.5);
    float[] a = memory.uniform(HEADS, -16, -1);
    float[] b = memory.uniform((long) length * D_STATE, -1, 1);
    float[] c = memory.uniform((long) length * D_STATE, -1, 1);
    // softplus of these is within the range [0.001, 0.1] of upstream's initialisation.
    float[] bias = memory.uniform(HEADS, -6.9, -2.3);
    View state = memory.matrix(new float[D_STATE * D_INNER], D_INNER);
    Inputs inputs =
        new Inputs(
            memory.matrix(x, D_INNER),
            memory.matrix(dt, HEADS),
            memory.matrix(a, HEADS),
            memory.matrix(b, D_STATE),
            memory.matrix(c, D_STATE),
            memory.matrix(new float[HEADS], HEADS),
            memory.matrix(bias, HEADS),
            pass == Pass.STEP ? state : null);
    View out = memory.empty((long) length * D_INNER, D_INNER);
    boolean keep = pass == Pass.FORWARD_BACKWARD;
    View checkpoints = keep ? memory.empty(ssd.checkpointFloats(shape), D_INNER) : null;
    View scratch = memory.empty(ssd.forwardWorkspaceFloats(shape), D_INNER);
    forward = new Forward(shape, inputs, out, state, checkpoints, scratch);
    ssd.forward(forward);
    check(memory.read(out, (long) length * D_INNER), length, x, dt, a, b, c, bias);
    if (checkpoints != null) {
      View outGrad = memory.matrix(memory.uniform((long) length * D_INNER, -1, 1), D_INNER);
      View room = memory.empty(ssd.backwardWorkspaceFloats(shape), D_INNER);
      backward = new Backward(shape, inputs, outGrad, null, checkpoints, gradients(memory), room);
    }
  }

  private static Gradients gradients(BenchmarkMemory memory) {
    return new Gradients(
        sink(memory, LENGTH, D_INNER),
        sink(memory, LENGTH, HEADS),
        sink(memory, 1, HEADS),
        sink(memory, LENGTH, D_STATE),
        sink(memory, LENGTH, D_STATE),
        sink(memory, 1, HEADS),
        sink(memory, 1, HEADS),
        null);
  }

  private static Sink sink(BenchmarkMemory memory, long rows, int cols) {
    return new Sink(memory.empty(rows * cols, cols), false);
  }

  private static void check(
      float[] out,
      int length,
      float[] x,
      float[] dt,
      float[] a,
      float[] b,
      float[] c,
      float[] bias) {
    float[] actual = new float[length];
    double[] expected = new double[length];
    double[] state = new double[D_STATE];
    int channel = CHECKED_HEAD * HEAD_DIM;
    for (int t = 0; t < length; t++) {
      double raw = (double) dt[t * HEADS + CHECKED_HEAD] + bias[CHECKED_HEAD];
      double delta = Math.log1p(Math.exp(raw));
      for (int n = 0; n < D_STATE; n++) {
        state[n] *= Math.exp(delta * a[CHECKED_HEAD]);
        state[n] += delta * b[t * D_STATE + n] * x[t * D_INNER + channel];
        expected[t] += c[t * D_STATE + n] * state[n];
      }
      actual[t] = out[t * D_INNER + channel];
    }
    Agreement.check("out of channel " + channel, actual, expected, TOLERANCE);
  }

  /** Ends the threads. */
  @TearDown
  public void free() {
    backend.close();
  }

  private void scan() {
    backend.ssd().forward(forward);
    Backward gradients = backward;
    if (gradients != null) {
      backend.ssd().backward(gradients);
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
