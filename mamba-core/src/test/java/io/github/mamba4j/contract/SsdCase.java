package io.github.mamba4j.contract;

import io.github.mamba4j.contract.ScanCase.Matrix;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A scan of Mamba-2 with random inputs, run by kernels and by the truth. */
final class SsdCase {
  static final String[] NAMES = {
    "xGrad", "dtGrad", "aGrad", "bGrad", "cGrad", "dSkipGrad", "dtBiasGrad", "initialStateGrad"
  };

  final Shape shape;
  final SsdTruth truth;
  final Matrix out;
  final Matrix finalState;
  final Matrix[] gradients;
  boolean withSkip = true;
  boolean withBias = true;
  boolean withInitial = true;
  boolean withFinalGrad = true;
  private Matrix checkpoints = Matrix.of(1, 1, 1);
  private int only = -1;
  private final int rows;
  private final int stateRows;

  SsdCase(Shape shape, long seed) {
    this.shape = shape;
    Random random = new Random(seed);
    truth = new SsdTruth(shape);
    rows = shape.batch() * shape.length();
    stateRows = shape.batch() * shape.dState();
    for (double[] input : truth.inputs()) {
      gaussian(random, input);
    }
    gaussian(random, truth.outGrad);
    gaussian(random, truth.finalStateGrad);
    for (int i = 0; i < truth.dt.length; i++) {
      truth.dt[i] = (float) (0.5 * truth.dt[i] - 1.5);
    }
    for (int i = 0; i < truth.a.length; i++) {
      truth.a[i] = (float) -(0.05 + 2 * random.nextDouble());
    }
    int e = shape.dInner();
    int n = shape.groups() * shape.dState();
    int skips = truth.dSkip.length;
    int heads = shape.heads();
    out = Matrix.of(rows, e, e + 5);
    finalState = Matrix.of(stateRows, e, e + 1);
    gradients =
        new Matrix[] {
          Matrix.of(rows, e, e + 7),
          Matrix.of(rows, heads, heads + 2),
          Matrix.of(1, heads, heads),
          Matrix.of(rows, n, 2 * n + 5),
          Matrix.of(rows, n, 2 * n + 5),
          Matrix.of(1, skips, skips),
          Matrix.of(1, heads, heads),
          Matrix.of(stateRows, e, e + 2)
        };
  }

  private static void gaussian(Random random, double[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
  }

  private static Matrix of(double[] values, int rows, int stride) {
    return Matrix.of(rows, values.length / rows, stride).fill(values);
  }

  /** Runs the truth on what the kernels are given: zeros for what is absent. */
  void runTruth() {
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
      java.util.Arrays.fill(truth.finalStateGrad, 0);
    }
    truth.run();
  }

  Inputs inputs() {
    int e = shape.dInner();
    int n = shape.groups() * shape.dState();
    int heads = shape.heads();
    return new Inputs(
        of(truth.x, rows, e + 3).view(),
        of(truth.dt, rows, heads + 1).view(),
        of(truth.a, 1, heads).view(),
        of(truth.b, rows, 2 * n + 5).view(),
        of(truth.c, rows, 2 * n + 5).view(),
        withSkip ? of(truth.dSkip, 1, truth.dSkip.length).view() : null,
        withBias ? of(truth.dtBias, 1, heads).view() : null,
        withInitial ? of(truth.initialState, stateRows, e).view() : null);
  }

  /** Runs the kernels forward, into memory that was NaN, and keeps what the gradients need. */
  void forward(SsdKernels kernels) {
    int floats = Math.toIntExact(kernels.checkpointFloats(shape));
    checkpoints = Matrix.of(1, floats, floats).poison(Float.NaN);
    out.poison(Float.NaN);
    finalState.poison(Float.NaN);
    kernels.forward(
        new Forward(
            shape,
            inputs(),
            out.view(),
            finalState.view(),
            checkpoints.view(),
            ScanCase.workspace(kernels.forwardWorkspaceFloats(shape))));
  }

  private @Nullable Sink sink(int index, boolean add) {
    return wanted(index) && (only < 0 || only == index)
        ? new Sink(gradients[index].poison(add ? 1 : Float.NaN).view(), add)
        : null;
  }

  /** Asks for one gradient, without adding. */
  void backwardOnly(SsdKernels kernels, int index) {
    only = index;
    backward(kernels, false);
    only = -1;
  }

  /** After {@link #forward}; sinks hold ones before if they are added to. */
  void backward(SsdKernels kernels, boolean add) {
    kernels.backward(
        new Backward(
            shape,
            inputs(),
            of(truth.outGrad, rows, shape.dInner() + 3).view(),
            withFinalGrad ? of(truth.finalStateGrad, stateRows, shape.dInner()).view() : null,
            checkpoints.view(),
            new Gradients(
                sink(0, add),
                sink(1, add),
                sink(2, add),
                sink(3, add),
                sink(4, add),
                sink(5, add),
                sink(6, add),
                sink(7, add)),
            ScanCase.workspace(kernels.backwardWorkspaceFloats(shape))));
  }

  /** Whether a gradient is asked for. */
  boolean wanted(int index) {
    return switch (index) {
      case 5 -> withSkip;
      case 6 -> withBias;
      case 7 -> withInitial;
      default -> true;
    };
  }

  /** Computes a view of the result and of all gradients, in that order. */
  float[][] results() {
    float[][] results = new float[gradients.length + 2][];
    results[0] = out.values();
    results[1] = finalState.values();
    for (int i = 0; i < gradients.length; i++) {
      results[i + 2] = gradients[i].values();
    }
    return results;
  }

  static View moved(View view, long rows) {
    return view.plus(rows * view.stride());
  }
}
