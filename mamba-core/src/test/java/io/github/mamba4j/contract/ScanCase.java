package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A scan with random inputs, run by kernels and by the truth. */
final class ScanCase {
  /** A matrix in a storage of its own, with room between its rows. */
  record Matrix(View view, int rows, int cols) {
    static Matrix of(int rows, int cols, int stride) {
      int offset = stride == cols ? 0 : 3;
      long floats = offset + (long) rows * stride;
      View view =
          new View(TestMemory.storage(TestMemory.allocate(floats * 4)), DType.F32, offset, stride);
      return new Matrix(view, rows, cols);
    }

    Matrix fill(double[] values) {
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < cols; i++) {
          TestMemory.set(
              TestMemory.host(view),
              view.offset() + r * view.stride() + i,
              (float) values[r * cols + i]);
        }
      }
      return this;
    }

    /** Every element of the storage, also those between rows. */
    Matrix poison(float value) {
      long floats = TestMemory.host(view).byteSize() / 4;
      for (long i = 0; i < floats; i++) {
        TestMemory.set(TestMemory.host(view), i, value);
      }
      return this;
    }

    float[] values() {
      float[] values = new float[rows * cols];
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < cols; i++) {
          values[r * cols + i] =
              TestMemory.get(TestMemory.host(view), view.offset() + r * view.stride() + i);
        }
      }
      return values;
    }
  }

  final Shape shape;
  final ScanTruth truth;
  final Random random;
  boolean withSkip = true;
  boolean withGate = true;
  boolean withBias = true;
  boolean withInitial = true;
  boolean withFinalGrad = true;

  final Matrix out;
  final Matrix finalState;
  Matrix checkpoints;
  final Matrix[] gradients;
  final double[] outGrad;
  final double[] finalStateGrad;

  private int only = -1;
  private final int rows;
  private final int stateRows;

  ScanCase(Shape shape, long seed) {
    this.shape = shape;
    random = new Random(seed);
    truth = new ScanTruth(shape);
    rows = shape.batch() * shape.length();
    stateRows = shape.batch() * shape.dState();
    out = Matrix.of(rows, shape.dInner(), shape.dInner() + 5);
    finalState = Matrix.of(stateRows, shape.dInner(), shape.dInner());
    checkpoints = Matrix.of(1, 1, 1);
    outGrad = gaussian(new double[truth.out.length], 1);
    finalStateGrad = gaussian(new double[truth.finalState.length], 1);
    gaussian(truth.u, 1);
    gaussian(truth.dt, 0.5);
    gaussian(truth.b, 1);
    gaussian(truth.c, 1);
    gaussian(truth.dSkip, 1);
    gaussian(truth.z, 1);
    gaussian(truth.dtBias, 0.5);
    gaussian(truth.initialState, 1);
    for (int i = 0; i < truth.a.length; i++) {
      truth.a[i] = (float) -(0.05 + 2 * random.nextDouble());
    }
    if (!shape.softplus()) {
      for (int i = 0; i < truth.dt.length; i++) {
        truth.dt[i] = (float) (2 + 0.5 * Math.abs(truth.dt[i]));
      }
    }
    int e = shape.dInner();
    int n = shape.dState();
    gradients =
        new Matrix[] {
          Matrix.of(rows, e, e + 7),
          Matrix.of(rows, e, e),
          Matrix.of(n, e, e + 1),
          Matrix.of(rows, n, 2 * n + 5),
          Matrix.of(rows, n, 2 * n + 5),
          Matrix.of(1, e, e),
          Matrix.of(rows, e, 2 * e),
          Matrix.of(1, e, e),
          Matrix.of(stateRows, e, e + 2)
        };
  }

  private double[] gaussian(double[] values, double scale) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  private static Matrix of(double[] values, int rows, int cols, int stride) {
    return Matrix.of(rows, cols, stride).fill(values);
  }

  /** Zeroes in the truth what the kernels are not given. */
  void dropAbsent() {
    truth.gated = withGate;
    if (!withSkip) {
      java.util.Arrays.fill(truth.dSkip, 0);
    }
    if (!withBias) {
      java.util.Arrays.fill(truth.dtBias, 0);
    }
    if (!withInitial) {
      java.util.Arrays.fill(truth.initialState, 0);
    }
    if (!withFinalGrad) {
      java.util.Arrays.fill(finalStateGrad, 0);
    }
  }

  Inputs inputs() {
    int e = shape.dInner();
    int n = shape.dState();
    return new Inputs(
        of(truth.u, rows, e, e).view,
        of(truth.dt, rows, e, e + 1).view,
        of(truth.a, n, e, e).view,
        of(truth.b, rows, n, 2 * n + 5).view,
        of(truth.c, rows, n, 2 * n + 5).view,
        withSkip ? of(truth.dSkip, 1, e, e).view : null,
        withGate ? of(truth.z, rows, e, 2 * e).view : null,
        withBias ? of(truth.dtBias, 1, e, e).view : null,
        withInitial ? of(truth.initialState, stateRows, e, e).view : null);
  }

  static View workspace(long floats) {
    return Matrix.of(1, Math.toIntExact(floats), Math.toIntExact(floats)).poison(Float.NaN).view;
  }

  void forward(ScanKernels kernels) {
    dropAbsent();
    int floats = Math.toIntExact(kernels.checkpointFloats(shape));
    checkpoints = Matrix.of(1, floats, floats).poison(Float.NaN);
    out.poison(Float.NaN);
    finalState.poison(Float.NaN);
    kernels.forward(
        new Forward(
            shape,
            inputs(),
            out.view,
            finalState.view,
            checkpoints.view,
            workspace(kernels.forwardWorkspaceFloats(shape))));
  }

  /** One step, as decoding makes it: the state is overwritten, and nothing kept for gradients. */
  void step(ScanKernels kernels) {
    out.poison(Float.NaN);
    Inputs all = inputs();
    View state = finalState.fill(truth.initialState).view;
    Inputs carried =
        new Inputs(
            all.u(),
            all.dt(),
            all.a(),
            all.b(),
            all.c(),
            all.dSkip(),
            all.z(),
            all.dtBias(),
            state);
    View workspace = workspace(kernels.forwardWorkspaceFloats(shape));
    kernels.forward(new Forward(shape, carried, out.view, state, null, workspace));
  }

  private @Nullable Sink sink(int index, boolean add, boolean wanted) {
    return wanted && (only < 0 || only == index)
        ? new Sink(gradients[index].poison(add ? 1 : Float.NaN).view, add)
        : null;
  }

  /** Asks for one gradient, without adding. */
  void backwardOnly(ScanKernels kernels, int index) {
    only = index;
    backward(kernels, false);
    only = -1;
  }

  /** After {@link #forward}; sinks hold ones before if they are added to. */
  void backward(ScanKernels kernels, boolean add) {
    kernels.backward(
        new Backward(
            shape,
            inputs(),
            of(outGrad, rows, shape.dInner(), shape.dInner() + 3).view,
            withFinalGrad
                ? of(finalStateGrad, stateRows, shape.dInner(), shape.dInner()).view
                : null,
            checkpoints.view,
            new Gradients(
                sink(0, add, true),
                sink(1, add, true),
                sink(2, add, true),
                sink(3, add, true),
                sink(4, add, true),
                sink(5, add, withSkip),
                sink(6, add, withGate),
                sink(7, add, withBias),
                sink(8, add, withInitial)),
            workspace(kernels.backwardWorkspaceFloats(shape))));
  }

  /** Whether a gradient is asked for; order of {@link ScanTruth#gradients}. */
  boolean wanted(int index) {
    return switch (index) {
      case 5 -> withSkip;
      case 6 -> withGate;
      case 7 -> withBias;
      case 8 -> withInitial;
      default -> true;
    };
  }

  /** Asserts that no element is off by more than a share of the largest. */
  static void assertClose(
      String what, float[] actual, double[] expected, double tolerance, double shift) {
    double largest = shift;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      double error = Math.abs(actual[i] - shift - expected[i]);
      if (!(error <= tolerance * largest)) {
        assertThat(actual[i] - shift)
            .as("%s[%s], error %s of the largest %s", what, i, error / largest, largest)
            .isEqualTo(expected[i]);
      }
    }
  }
}
