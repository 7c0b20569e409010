package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * A scan of Mamba-1, forward and backward, with activations of a type. The numbers are those of the
 * shape whatever the type: all of them are bf16.
 */
final class ScanRun {
  static final String[] NAMES = {"u", "dt", "a", "b", "c", "dSkip", "z", "dtBias", "initialState"};

  /** A gradient that is asked for. */
  private record Result(View view, int rows, int cols) {}

  private final Shape shape;
  private final DType type;
  private final int gap;
  private final boolean add;
  private final Backend backend;
  private final Random random = new Random(11);
  private final List<Result> results = new ArrayList<>();
  private double shift = -1.5;

  /**
   * Prepares a run.
   *
   * @param type of the activations
   * @param gap elements between rows of activations and before the first one: how far rows are
   *     aligned depends on it
   * @param add whether gradients are added to ones
   */
  ScanRun(Backend backend, Shape shape, DType type, int gap, boolean add) {
    this.backend = backend;
    this.shape = shape;
    this.type = type;
    this.gap = gap;
    this.add = add;
  }

  /** Gives step sizes before the softplus another mean: the larger, the sooner states forget. */
  ScanRun withSteps(double mean) {
    shift = mean;
    return this;
  }

  private View matrix(DType elements, int rows, int cols, double scale, double shift) {
    int between = elements == type ? gap : 0;
    long count = between + (long) rows * (cols + between);
    View view =
        new View(backend.allocate(elements.bytes(count)), elements, between, cols + between);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(elements.bytes(count), 8).fill((byte) 0xff);
      for (int i = 0; i < rows * cols; i++) {
        double value = scale == 0 ? shift : scale * random.nextGaussian() + shift;
        put(host, view, at(view, i, cols), (float) value);
      }
      backend.write(host, view.storage(), 0);
    }
    return view;
  }

  private static long at(View view, int i, int cols) {
    return view.offset() + i / cols * view.stride() + i % cols;
  }

  /** Cuts to what bf16 has. */
  private static void put(MemorySegment host, View view, long at, float value) {
    int bits = Float.floatToRawIntBits(value);
    if (view.type() == DType.BF16) {
      host.setAtIndex(ValueLayout.JAVA_SHORT, at, (short) (bits >>> 16));
    } else {
      host.setAtIndex(ValueLayout.JAVA_INT, at, bits & 0xffff0000);
    }
  }

  private float[] read(Result result) {
    View view = result.view;
    float[] values = new float[result.rows * result.cols];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(view.storage().byteSize(), 8);
      backend.read(view.storage(), 0, host);
      for (int i = 0; i < values.length; i++) {
        long at = at(view, i, result.cols);
        values[i] =
            view.type() == DType.BF16
                ? Float.intBitsToFloat(host.getAtIndex(ValueLayout.JAVA_SHORT, at) << 16)
                : host.getAtIndex(ValueLayout.JAVA_FLOAT, at);
      }
    }
    return values;
  }

  private View floats(long count) {
    return matrix(DType.F32, 1, Math.toIntExact(Math.max(1, count)), 0, Double.NaN);
  }

  private Sink sink(DType elements, int rows, int cols) {
    View view = matrix(elements, rows, cols, 0, add ? 1 : Double.NaN);
    results.add(new Result(view, rows, cols));
    return new Sink(view, add);
  }

  private Inputs inputs() {
    int rows = shape.batch() * shape.length();
    int channels = shape.dInner();
    return new Inputs(
        matrix(type, rows, channels, 1, 0),
        matrix(type, rows, channels, 0.5, shift),
        matrix(DType.F32, shape.dState(), channels, 0.3, -1.5),
        matrix(type, rows, shape.dState(), 1, 0),
        matrix(type, rows, shape.dState(), 1, 0),
        matrix(DType.F32, 1, channels, 1, 0),
        matrix(type, rows, channels, 1, 0),
        matrix(DType.F32, 1, channels, 0.5, 0),
        matrix(DType.F32, shape.batch() * shape.dState(), channels, 1, 0));
  }

  /** What a backward scan needs; the forward scan has run. */
  Backward prepare(long workspaceFloats) {
    ScanKernels kernels = backend.scan();
    int rows = shape.batch() * shape.length();
    int channels = shape.dInner();
    int states = shape.dState();
    int stateRows = shape.batch() * states;
    Inputs inputs = inputs();
    View outGrad = matrix(type, rows, channels, 1, 0);
    View finalGrad = matrix(DType.F32, stateRows, channels, 1, 0);
    View out = matrix(type, rows, channels, 0, Double.NaN);
    View checkpoints = floats(kernels.checkpointFloats(shape));
    View room = floats(kernels.forwardWorkspaceFloats(shape));
    kernels.forward(new Forward(shape, inputs, out, null, checkpoints, room));
    results.clear();
    Gradients gradients =
        new Gradients(
            sink(type, rows, channels),
            sink(type, rows, channels),
            sink(DType.F32, states, channels),
            sink(type, rows, states),
            sink(type, rows, states),
            sink(DType.F32, 1, channels),
            sink(type, rows, channels),
            sink(DType.F32, 1, channels),
            sink(DType.F32, stateRows, channels));
    return new Backward(
        shape, inputs, outGrad, finalGrad, checkpoints, gradients, floats(workspaceFloats));
  }

  /** Runs both passes and returns all gradients, in the order of {@link #NAMES}. */
  float[][] run(long workspaceFloats, Consumer<Backward> backward) {
    backward.accept(prepare(workspaceFloats));
    return results.stream().map(this::read).toArray(float[][]::new);
  }
}
