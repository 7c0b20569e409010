package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.contract.ScanCase.Matrix;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every implementation of the scan of Mamba-2 has to do. */
public abstract class SsdKernelsContract extends KernelsContract<SsdKernels> {
  @Override
  final SsdKernels kernels(Backend backend) {
    return backend.ssd();
  }

  /** Of a result's largest element. */
  private static final double FORWARD_TOLERANCE = 4e-6;

  private static final double BACKWARD_TOLERANCE = 1e-5;
  private static final float FREE = Float.POSITIVE_INFINITY;

  private static Shape shape(
      int batch, int length, int heads, int headDim, int groups, int dState, int chunkSize) {
    return new Shape(batch, length, heads, headDim, groups, dState, chunkSize, false, 0, FREE);
  }

  /** Batch, length, heads, channels a head, groups, states, chunk. */
  static Stream<Shape> shapes() {
    List<Shape> shapes = new ArrayList<>();
    int[][] sizes = {
      {1, 1, 1, 1, 1, 1, 1},
      {2, 3, 3, 4, 1, 8, 64},
      {1, 7, 2, 16, 2, 17, 2},
      {2, 9, 3, 4, 3, 1, 3},
      {1, 17, 1, 17, 1, 16, 4},
      {1, 33, 4, 1, 2, 8, 8},
      {1, 50, 3, 17, 1, 17, 16},
      {2, 64, 2, 64, 1, 16, 64},
      {1, 66, 2, 64, 1, 128, 256},
      {1, 20, 24, 16, 2, 8, 256},
      {3, 65, 3, 4, 1, 17, 256},
      {1, 300, 2, 16, 1, 16, 128},
      {1, 600, 1, 8, 1, 8, 256},
      {2, 1, 24, 64, 1, 16, 256},
      {1, 20, 2, 80, 1, 16, 1}
    };
    for (int[] s : sizes) {
      shapes.add(shape(s[0], s[1], s[2], s[3], s[4], s[5], s[6]));
    }
    shapes.add(new Shape(2, 90, 3, 17, 1, 8, 32, true, 0.15f, 0.25f));
    shapes.add(new Shape(1, 5, 4, 16, 2, 8, 32, true, 0.15f, FREE));
    return shapes.stream();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void scan_everyShape_equalsTruth(Shape shape) {
    SsdCase scan = new SsdCase(shape, 1);
    scan.runTruth();
    SsdKernels kernels = kernels(1);
    assertTruth(scan, kernels, shape.length() % 2 == 0);
  }

  private static void assertTruth(SsdCase scan, SsdKernels kernels, boolean add) {
    scan.forward(kernels);
    close("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
    close("state", scan.finalState.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
    scan.backward(kernels, add);
    for (int i = 0; i < SsdCase.NAMES.length; i++) {
      if (scan.wanted(i)) {
        double[] expected = scan.truth.gradients()[i];
        float[] actual = scan.gradients[i].values();
        close(SsdCase.NAMES[i], actual, expected, BACKWARD_TOLERANCE, add ? 1 : 0);
      }
    }
  }

  private static void close(
      String what, float[] actual, double[] expected, double tolerance, double shift) {
    ScanCase.assertClose(what, actual, expected, tolerance, shift);
  }

  @Test
  void scan_withoutOptionalInputs_equalsTruth() {
    for (int missing = 0; missing < 16; missing++) {
      SsdCase scan = new SsdCase(shape(2, 35, 2, 18, 1, 5, 16), missing);
      scan.withSkip = (missing & 1) == 0;
      scan.withBias = (missing & 2) == 0;
      scan.withInitial = (missing & 4) == 0;
      scan.withFinalGrad = (missing & 8) == 0;
      scan.runTruth();
      assertTruth(scan, kernels(1), missing % 3 == 0);
    }
  }

  /** The closed form that the tests above compare with, against differences. */
  @Test
  void truth_centralDifferences_agree() {
    SsdCase scan = new SsdCase(new Shape(2, 6, 4, 3, 2, 3, 4, true, 0.1f, 0.4f), 3);
    scan.truth.run();
    double[][] gradients = scan.truth.gradients().clone();
    double step = 1e-5;
    for (int i = 0; i < gradients.length; i++) {
      double[] input = scan.truth.inputs()[i];
      for (int at = 0; at < input.length; at += 1 + input.length / 16) {
        double before = input[at];
        input[at] = before + step;
        double above = scan.truth.objective();
        input[at] = before - step;
        double below = scan.truth.objective();
        input[at] = before;
        assertThat(gradients[i][at])
            .as("%s[%s]", SsdCase.NAMES[i], at)
            .isCloseTo((above - below) / (2 * step), within(1e-6));
      }
    }
  }

  @Test
  void scan_goldenVectorT4_isMet() {
    SsdCase scan = new SsdCase(shape(1, 8, 2, 2, 1, 3, 256), 0);
    scan.withInitial = false;
    scan.withFinalGrad = false;
    golden(scan.truth.x, 1, 1);
    golden(scan.truth.dt, 2, 0.5);
    golden(scan.truth.b, 3, 1);
    golden(scan.truth.c, 4, 1);
    golden(scan.truth.outGrad, 6, 1);
    System.arraycopy(new double[] {-1, -2}, 0, scan.truth.dtBias, 0, 2);
    System.arraycopy(new double[] {-1, -2.5}, 0, scan.truth.a, 0, 2);
    System.arraycopy(new double[] {1, -0.5}, 0, scan.truth.dSkip, 0, 2);
    SsdKernels kernels = kernels(1);
    scan.forward(kernels);
    scan.backward(kernels, false);
    double[] first = {1.539256779, 1.589617332, -0.257780729, -0.193078065};
    double[] last = {-0.331448155, 0.046979789, 0.348837651, 0.136352901};
    starts(scan.out.values(), 0, first);
    starts(scan.out.values(), 28, last);
    starts(scan.finalState.values(), 0, 0.441714716, 0.43014267, 0.156914188, 0.104016402);
    starts(scan.gradients[2].values(), 0, 1.417611554, 0.12799508);
    starts(scan.gradients[6].values(), 0, 1.72809327, 0.666954207);
    starts(scan.gradients[0].values(), 0, 2.528222858, 2.386778811, 0.035251101, 0.018424028);
    starts(scan.gradients[3].values(), 0, -1.312360547, -1.397783833, -1.294023635);
    starts(scan.gradients[4].values(), 21, -0.365775712, -0.227140462, -0.057762817);
  }

  private static void golden(double[] values, int k, double scale) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * Math.sin(1.3 * k + 0.37 * i));
    }
  }

  private static void starts(float[] actual, int at, double... expected) {
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) actual[at + i])
          .isCloseTo(expected[i], within(1e-6 + 1e-5 * Math.abs(expected[i])));
    }
  }

  @Test
  void scan_anyNumberOfThreads_hasTheSameBits() {
    Shape[] shapes = {
      shape(2, 70, 4, 16, 2, 8, 256), shape(1, 560, 2, 8, 1, 8, 64), shape(3, 2, 6, 64, 1, 8, 8)
    };
    for (Shape shape : shapes) {
      float[][] expected = null;
      for (int threads = 1; threads <= 3; threads++) {
        SsdCase scan = new SsdCase(shape, 4);
        SsdKernels kernels = kernels(threads);
        scan.forward(kernels);
        scan.backward(kernels, false);
        float[][] results = scan.results();
        expected = expected == null ? results : expected;
        assertThat(results).isDeepEqualTo(expected);
      }
    }
  }

  @Test
  void backward_onlyOneGradientWanted_leavesTheSame() {
    SsdCase scan = new SsdCase(shape(2, 35, 4, 17, 2, 5, 16), 8);
    SsdKernels kernels = kernels(1);
    scan.forward(kernels);
    scan.backward(kernels, false);
    for (int i = 0; i < SsdCase.NAMES.length; i++) {
      float[] all = scan.gradients[i].values();
      scan.backwardOnly(kernels, i);
      assertThat(scan.gradients[i].values()).as(SsdCase.NAMES[i]).isEqualTo(all);
    }
  }

  /** A short scan of many sequences has the bits of scans of one. */
  @Test
  void forward_shortScans_doNotDependOnTheBatch() {
    SsdKernels kernels = kernels(2);
    for (int length : new int[] {1, 6, 7, ScanKernels.BATCH_INVARIANT_STEPS}) {
      SsdCase scan = new SsdCase(shape(5, length, 3, 18, 1, 4, 16), 8);
      scan.forward(kernels);
      Inputs all = scan.inputs();
      Shape alone = shape(1, length, 3, 18, 1, 4, 16);
      for (int sequence = 0; sequence < 5; sequence++) {
        Matrix state = Matrix.of(20, 54, 54).fill(scan.truth.initialState);
        View carried = state.view().plus(4L * 54 * sequence);
        Matrix out = Matrix.of(length, 54, 54);
        int row = length * sequence;
        View workspace = ScanCase.workspace(kernels.forwardWorkspaceFloats(alone));
        Inputs part = from(all, row, carried);
        kernels.forward(new Forward(alone, part, out.view(), carried, null, workspace));
        assertThat(out.values())
            .isEqualTo(Arrays.copyOfRange(scan.out.values(), row * 54, (row + length) * 54));
        int at = 4 * 54 * sequence;
        assertThat(Arrays.copyOfRange(state.values(), at, at + 4 * 54))
            .isEqualTo(Arrays.copyOfRange(scan.finalState.values(), at, at + 4 * 54));
      }
    }
  }

  private static Inputs from(Inputs all, int row, View state) {
    return new Inputs(
        SsdCase.moved(all.x(), row),
        SsdCase.moved(all.dt(), row),
        all.a(),
        SsdCase.moved(all.b(), row),
        SsdCase.moved(all.c(), row),
        all.dSkip(),
        all.dtBias(),
        state);
  }

  /** Cut in time: all tasks must have read the initial state before one overwrites it. */
  @Test
  void forward_longScanInPlace_equalsTruth() {
    Shape shape = shape(1, 300, 2, 5, 1, 4, 16);
    SsdCase scan = new SsdCase(shape, 6);
    scan.runTruth();
    SsdKernels kernels = kernels(2);
    Matrix state = Matrix.of(4, 10, 10).fill(scan.truth.initialState);
    View workspace = ScanCase.workspace(kernels.forwardWorkspaceFloats(shape));
    Inputs inputs = from(scan.inputs(), 0, state.view());
    kernels.forward(new Forward(shape, inputs, scan.out.view(), state.view(), null, workspace));
    close("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
    close("state", state.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
  }

  /** In place, as a decoder does, and in pieces around the lengths of chunks. */
  @Test
  void forward_inPiecesWithCarriedState_equalsWhole() {
    Shape whole = shape(1, 140, 3, 18, 1, 16, 256);
    SsdCase scan = new SsdCase(whole, 5);
    scan.runTruth();
    SsdKernels kernels = kernels(2);
    for (int piece : new int[] {1, 6, 7, 63, 64, 65, 139}) {
      Inputs all = scan.inputs();
      Matrix state = Matrix.of(16, 54, 60).fill(scan.truth.initialState);
      scan.out.poison(Float.NaN);
      for (int t = 0; t < 140; t += piece) {
        Shape shape = shape(1, Math.min(piece, 140 - t), 3, 18, 1, 16, 256);
        Inputs part = from(all, t, state.view());
        View workspace = ScanCase.workspace(kernels.forwardWorkspaceFloats(shape));
        View out = SsdCase.moved(scan.out.view(), t);
        kernels.forward(new Forward(shape, part, out, state.view(), null, workspace));
      }
      close("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
      close("state", state.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
    }
  }

  /** Steps as long and short as softplus can make them: no exponent may overflow. */
  @Test
  void scan_hugeAndTinySteps_staysFiniteAndEqualsTruth() {
    SsdCase scan = new SsdCase(shape(1, 70, 2, 5, 1, 4, 64), 3);
    for (int i = 0; i < scan.truth.dt.length; i++) {
      scan.truth.dt[i] = i % 3 == 0 ? 150 : i % 3 == 1 ? -60 : 19.9f;
    }
    scan.runTruth();
    assertTruth(scan, kernels(1), false);
  }

  @Test
  void scan_nanInAnyInput_reachesTheResult() {
    for (int length : new int[] {3, 20}) {
      for (int input = 0; input < SsdCase.NAMES.length; input++) {
        SsdCase scan = new SsdCase(shape(1, length, 2, 5, 1, 4, 64), 3);
        scan.truth.inputs()[input][0] = Double.NaN;
        scan.forward(kernels(1));
        assertThat(scan.out.values()[0]).as(SsdCase.NAMES[input]).isNaN();
      }
    }
  }

  /** Mamba-2 is Mamba-1 with one decay and one step size a head. */
  @Test
  void forward_tiedParameters_equalsMamba1() {
    Shape shape = shape(2, 70, 2, 8, 1, 16, 64);
    SsdCase scan = new SsdCase(shape, 9);
    ScanCase tied = new ScanCase(tied(shape), 9);
    tied.withGate = false;
    System.arraycopy(scan.truth.x, 0, tied.truth.u, 0, scan.truth.x.length);
    System.arraycopy(scan.truth.b, 0, tied.truth.b, 0, scan.truth.b.length);
    System.arraycopy(scan.truth.c, 0, tied.truth.c, 0, scan.truth.c.length);
    System.arraycopy(
        scan.truth.initialState, 0, tied.truth.initialState, 0, scan.truth.initialState.length);
    for (int e = 0; e < 16; e++) {
      int head = e / 8;
      tied.truth.dSkip[e] = scan.truth.dSkip[head];
      tied.truth.dtBias[e] = scan.truth.dtBias[head];
      for (int n = 0; n < 16; n++) {
        tied.truth.a[n * 16 + e] = scan.truth.a[head];
      }
      for (int row = 0; row < 140; row++) {
        tied.truth.dt[row * 16 + e] = scan.truth.dt[row * 2 + head];
      }
    }
    scan.forward(kernels(1));
    try (Backend backend = open(1)) {
      tied.forward(backend.scan());
    }
    float[] values = tied.out.values();
    double[] expected = new double[values.length];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = values[i];
    }
    close("out", scan.out.values(), expected, FORWARD_TOLERANCE, 0);
  }

  private static ScanKernels.Shape tied(Shape shape) {
    return new ScanKernels.Shape(
        shape.batch(),
        shape.length(),
        shape.dInner(),
        shape.dState(),
        ScanKernels.Discretization.EULER,
        true);
  }
}
