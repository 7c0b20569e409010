package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;

/**
 * A scan of Mamba-2, forward and backward, with activations of a type. The numbers are those of the
 * shape whatever the type: all of them are bf16.
 */
final class SsdRun {
  static final String[] NAMES = {
    "out", "finalState", "x", "dt", "a", "b", "c", "dSkip", "dtBias", "initialState"
  };

  /** A matrix in memory of its own. */
  private record Matrix(View view, MemorySegment host, int rows, int cols) {
    float get(int row, int col) {
      long at = view.offset() + row * view.stride() + col;
      return view.type() == DType.BF16
          ? Float.intBitsToFloat(host.getAtIndex(ValueLayout.JAVA_SHORT, at) << 16)
          : host.getAtIndex(ValueLayout.JAVA_FLOAT, at);
    }

    void set(int row, int col, float value) {
      long at = view.offset() + row * view.stride() + col;
      if (view.type() == DType.BF16) {
        short half = (short) (Float.floatToRawIntBits(value) >>> 16);
        host.setAtIndex(ValueLayout.JAVA_SHORT, at, half);
      } else {
        host.setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
      }
    }

    float[] values() {
      float[] values = new float[rows * cols];
      for (int i = 0; i < values.length; i++) {
        values[i] = get(i / cols, i % cols);
      }
      return values;
    }
  }

  private final Shape shape;
  private final DType type;
  private final int gap;
  private final int outGap;
  private final Function<MemorySegment, Storage> storages;
  private final Random random;

  /** Where the running backward pass adds to. */
  private final List<Matrix> sinks = new ArrayList<>();

  /**
   * Prepares a run.
   *
   * @param type of the activations
   * @param gap elements between rows and before the first one; a multiple of eight keeps what is
   *     aligned so
   * @param outGap the same of what is written, and of the result's gradient
   * @param storages makes host memory a storage of the backend
   */
  SsdRun(Shape shape, DType type, int gap, int outGap, Function<MemorySegment, Storage> storages) {
    this.shape = shape;
    this.type = type;
    this.gap = gap;
    this.outGap = outGap;
    this.storages = storages;
    random = new Random(7);
  }

  private Matrix matrix(DType elements, int rows, int cols, int between) {
    long count = between + (long) rows * (cols + between);
    MemorySegment host = Arena.ofAuto().allocate(elements.bytes(count), 64);
    Matrix matrix =
        new Matrix(
            new View(storages.apply(host), elements, between, cols + between), host, rows, cols);
    for (int i = 0; i < rows * cols; i++) {
      matrix.set(i / cols, i % cols, Float.NaN);
    }
    return matrix;
  }

  /** Numbers that bf16 has. */
  private View random(DType elements, int rows, int cols, double scale, double shift) {
    return random(matrix(elements, rows, cols, elements == type ? gap : 0), scale, shift);
  }

  private View random(Matrix matrix, double scale, double shift) {
    int rows = matrix.rows;
    int cols = matrix.cols;
    for (int i = 0; i < rows * cols; i++) {
      float value = (float) (scale * random.nextGaussian() + shift);
      matrix.set(
          i / cols, i % cols, Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xFFFF0000));
    }
    return matrix.view;
  }

  private View floats(long count) {
    return matrix(DType.F32, 1, Math.toIntExact(Math.max(1, count)), 0).view;
  }

  /** A sink that adds to ones where the gap is odd. */
  private Sink sink(DType elements, int rows, int cols) {
    Matrix matrix = matrix(elements, rows, cols, elements == type ? outGap : 0);
    boolean add = outGap % 2 == 1;
    for (int i = 0; add && i < rows * cols; i++) {
      matrix.set(i / cols, i % cols, 1);
    }
    sinks.add(matrix);
    return new Sink(matrix.view, add);
  }

  private Inputs inputs() {
    int rows = shape.batch() * shape.length();
    int projection = shape.groups() * shape.dState();
    int skips = shape.skipPerChannel() ? shape.dInner() : shape.heads();
    return new Inputs(
        random(type, rows, shape.dInner(), 1, 0),
        random(type, rows, shape.heads(), 0.5, -1.5),
        random(DType.F32, 1, shape.heads(), 0.3, -1),
        random(type, rows, projection, 1, 0),
        random(type, rows, projection, 1, 0),
        random(DType.F32, 1, skips, 1, 0),
        random(DType.F32, 1, shape.heads(), 1, 0),
        random(DType.F32, shape.batch() * shape.dState(), shape.dInner(), 1, 0));
  }

  /** Runs both passes and returns all results, in the order of {@link #NAMES}. */
  float[][] run(SsdKernels kernels) {
    int rows = shape.batch() * shape.length();
    int stateRows = shape.batch() * shape.dState();
    int projection = shape.groups() * shape.dState();
    Inputs inputs = inputs();
    View outGrad = random(matrix(type, rows, shape.dInner(), outGap), 1, 0);
    View finalGrad = random(DType.F32, stateRows, shape.dInner(), 1, 0);
    Matrix out = matrix(type, rows, shape.dInner(), outGap);
    Matrix finalState = matrix(DType.F32, stateRows, shape.dInner(), 0);
    View checkpoints = floats(kernels.checkpointFloats(shape));
    View room = floats(kernels.forwardWorkspaceFloats(shape));
    kernels.forward(new Forward(shape, inputs, out.view, finalState.view, checkpoints, room));
    sinks.clear();
    sinks.add(out);
    sinks.add(finalState);
    Gradients gradients =
        new Gradients(
            sink(type, rows, shape.dInner()),
            sink(type, rows, shape.heads()),
            sink(DType.F32, 1, shape.heads()),
            sink(type, rows, projection),
            sink(type, rows, projection),
            sink(DType.F32, 1, shape.skipPerChannel() ? shape.dInner() : shape.heads()),
            sink(DType.F32, 1, shape.heads()),
            sink(DType.F32, stateRows, shape.dInner()));
    View backwardRoom = floats(kernels.backwardWorkspaceFloats(shape));
    kernels.backward(
        new Backward(shape, inputs, outGrad, finalGrad, checkpoints, gradients, backwardRoom));
    return sinks.stream().map(Matrix::values).toArray(float[][]::new);
  }
}
