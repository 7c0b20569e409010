package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.contract.ScanCase.Matrix;
import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every implementation of the selective scan has to do. */
public abstract class ScanKernelsContract extends KernelsContract<ScanKernels> {
  @Override
  final ScanKernels kernels(Backend backend) {
    return backend.scan();
  }

  private static final String[] NAMES = {
    "uGrad",
    "dtGrad",
    "aGrad",
    "bGrad",
    "cGrad",
    "dSkipGrad",
    "zGrad",
    "dtBiasGrad",
    "initialStateGrad"
  };

  /** Of a result's largest element; sums of up to 16 states and a decaying past. */
  private static final double FORWARD_TOLERANCE = 4e-6;

  /** Gradients of B and C sum over channels, those of A over batch and length. */
  private static final double BACKWARD_TOLERANCE = 1e-5;

  /** Lengths around a chunk's, cut and uncut time, channels around lanes and blocks. */
  static Stream<Shape> shapes() {
    List<Shape> shapes = new ArrayList<>();
    int[][] sizes = {
      {1, 1, 1, 1},
      {1, 1, 17, 16},
      {2, 2, 3, 5},
      {1, 31, 15, 4},
      {1, 32, 16, 16},
      {2, 33, 17, 3},
      {1, 64, 35, 16},
      {3, 65, 64, 2},
      {1, 97, 13, 7},
      {1, 257, 8, 16},
      {2, 300, 20, 16},
      {1, 129, 7, 64},
      {1, 521, 33, 1},
      {1, 40, 1536, 16}
    };
    for (Discretization discretization : Discretization.values()) {
      for (int[] s : sizes) {
        shapes.add(new Shape(s[0], s[1], s[2], s[3], discretization, true));
      }
    }
    shapes.add(new Shape(2, 37, 19, 6, Discretization.EULER, false));
    shapes.add(new Shape(2, 37, 19, 6, Discretization.ZOH, false));
    return shapes.stream();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void forward_everyShape_equalsTruth(Shape shape) {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(shape, 1);
      scan.forward(kernels(backend));
      scan.truth.forward();
      ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
      ScanCase.assertClose(
          "finalState", scan.finalState.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
    }
  }

  /** Channels around lanes and around the block of a task. */
  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 15, 16, 17, 35, 255, 256, 257, 600})
  void step_anyChannels_equalsTruth(int channels) {
    try (Backend backend = open(2)) {
      for (int states : new int[] {1, 3, 16}) {
        Shape shape = new Shape(3, 1, channels, states, Discretization.EULER, true);
        ScanCase scan = new ScanCase(shape, channels);
        scan.step(kernels(backend));
        scan.truth.forward();
        ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
        ScanCase.assertClose(
            "state", scan.finalState.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
      }
    }
  }

  /** The rate 0·∞ of a decay would vanish in the exponential. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.NEGATIVE_INFINITY})
  void step_brokenA_isSeenInTheResult(float broken) {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(new Shape(1, 1, 19, 4, Discretization.EULER, true), 1);
      scan.truth.a[2 * 19 + 5] = broken;
      scan.truth.a[19 + 18] = broken;
      scan.step(kernels(backend));
      float[] out = scan.out.values();
      for (int e = 0; e < 19; e++) {
        assertThat(Float.isNaN(out[e])).as("channel %s", e).isEqualTo(e == 5 || e == 18);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backward_everyShape_equalsTruth(Shape shape) {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(shape, 2);
      assertGradients(scan, kernels(backend), false);
      assertGradients(scan, kernels(backend), true);
    }
  }

  @ParameterizedTest
  @EnumSource(Discretization.class)
  void scan_withoutOptionalInputs_equalsTruth(Discretization discretization) {
    for (int missing = 0; missing < 32; missing++) {
      try (Backend backend = open(1)) {
        ScanCase scan = new ScanCase(new Shape(2, 35, 18, 3, discretization, true), missing);
        scan.withSkip = (missing & 1) == 0;
        scan.withGate = (missing & 2) == 0;
        scan.withBias = (missing & 4) == 0;
        scan.withInitial = (missing & 8) == 0;
        scan.withFinalGrad = (missing & 16) == 0;
        assertGradients(scan, kernels(backend), missing % 3 == 0);
        ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
      }
    }
  }

  /** Asserts that results and gradients of a shape are right, for shapes that not all can do. */
  protected final void assertEqualsTruth(Shape shape) {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(shape, 2);
      assertGradients(scan, kernels(backend), false);
      ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
    }
  }

  private static void assertGradients(ScanCase scan, ScanKernels kernels, boolean add) {
    scan.forward(kernels);
    scan.backward(kernels, add);
    scan.truth.forward();
    scan.truth.backward(scan.outGrad, scan.finalStateGrad);
    double[][] expected = scan.truth.gradients();
    for (int i = 0; i < NAMES.length; i++) {
      if (scan.wanted(i)) {
        float[] actual = scan.gradients[i].values();
        ScanCase.assertClose(NAMES[i], actual, expected[i], BACKWARD_TOLERANCE, add ? 1 : 0);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Discretization.class)
  void scan_vanishingA_equalsTruth(Discretization discretization) {
    for (double magnitude : new double[] {0, 1e-30, 1e-12, 1e-4, 0.05}) {
      try (Backend backend = open(1)) {
        ScanCase scan = new ScanCase(new Shape(1, 35, 5, 4, discretization, true), 3);
        for (int i = 0; i < scan.truth.a.length; i += 2) {
          scan.truth.a[i] = (float) -magnitude;
        }
        assertGradients(scan, kernels(backend), false);
      }
    }
  }

  @Test
  void scan_hugeAndTinySteps_staysFiniteAndEqualsTruth() {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(new Shape(1, 40, 5, 4, Discretization.EULER, true), 3);
      for (int i = 0; i < scan.truth.dt.length; i++) {
        scan.truth.dt[i] = i % 3 == 0 ? 150 : i % 3 == 1 ? -60 : 19.9f;
      }
      assertGradients(scan, kernels(backend), false);
      ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
    }
  }

  @Test
  void scan_nanInAnyInput_reachesTheResult() {
    try (Backend backend = open(1)) {
      for (int input = 0; input < 9; input++) {
        ScanCase scan = new ScanCase(new Shape(1, 3, 5, 4, Discretization.EULER, true), 3);
        scan.truth.inputs()[input][0] = Double.NaN;
        scan.forward(kernels(backend));
        assertThat(scan.out.values()[0]).as("input %s", input).isNaN();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void scan_anyNumberOfThreads_hasTheSameBits(Shape shape) {
    List<int[]> results = new ArrayList<>();
    for (int threads = 1; threads <= 3; threads++) {
      try (Backend backend = open(threads)) {
        ScanCase scan = new ScanCase(shape, 4);
        ScanKernels kernels = kernels(backend);
        scan.forward(kernels);
        scan.backward(kernels, false);
        IntStream bits = bits(scan.out);
        for (Matrix gradient : scan.gradients) {
          bits = IntStream.concat(bits, bits(gradient));
        }
        results.add(bits.toArray());
      }
    }
    assertThat(results.get(1)).isEqualTo(results.get(0));
    assertThat(results.get(2)).isEqualTo(results.get(0));
  }

  private static IntStream bits(Matrix matrix) {
    float[] values = matrix.values();
    return IntStream.range(0, values.length).map(i -> Float.floatToIntBits(values[i]));
  }

  /** A short scan of many sequences has the bits of scans of one. */
  @ParameterizedTest
  @EnumSource(Discretization.class)
  void forward_shortScans_doNotDependOnTheBatch(Discretization discretization) {
    try (Backend backend = open(2)) {
      ScanKernels kernels = kernels(backend);
      for (int length : new int[] {1, 7, ScanKernels.BATCH_INVARIANT_STEPS}) {
        Shape together = new Shape(5, length, 37, 3, discretization, true);
        Shape alone = new Shape(1, length, 37, 3, discretization, true);
        ScanCase scan = new ScanCase(together, 8);
        scan.forward(kernels);
        Inputs all = scan.inputs();
        for (int sequence = 0; sequence < 5; sequence++) {
          Matrix state = Matrix.of(15, 37, 37).fill(scan.truth.initialState);
          View carried = state.view().plus(3L * 37 * sequence);
          Matrix out = Matrix.of(length, 37, 37);
          long row = (long) length * sequence;
          View workspace = ScanCase.workspace(kernels.forwardWorkspaceFloats(alone));
          kernels.forward(
              new Forward(alone, from(all, row, carried), out.view(), carried, null, workspace));
          assertRowsEqual(out.values(), scan.out.values(), length * 37 * sequence, 0, length * 37);
          int at = 3 * 37 * sequence;
          assertRowsEqual(state.values(), scan.finalState.values(), at, at, 3 * 37);
        }
      }
    }
  }

  private static void assertRowsEqual(
      float[] actual, float[] expected, int expectedAt, int actualAt, int count) {
    assertThat(Arrays.copyOfRange(actual, actualAt, actualAt + count))
        .isEqualTo(Arrays.copyOfRange(expected, expectedAt, expectedAt + count));
  }

  /** Cut in time: all tasks must have read the initial state before one overwrites it. */
  @Test
  void forward_longScanInPlace_equalsTruth() {
    Shape shape = new Shape(1, 700, 19, 5, Discretization.EULER, true);
    try (Backend backend = open(2)) {
      ScanKernels kernels = kernels(backend);
      ScanCase scan = new ScanCase(shape, 6);
      scan.truth.forward();
      Matrix state = Matrix.of(5, 19, 19).fill(scan.truth.initialState);
      View workspace = ScanCase.workspace(kernels.forwardWorkspaceFloats(shape));
      assertThat(kernels.forwardWorkspaceFloats(shape)).isPositive();
      kernels.forward(
          new Forward(
              shape,
              from(scan.inputs(), 0, state.view()),
              scan.out.view(),
              state.view(),
              null,
              workspace));
      ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
      ScanCase.assertClose("state", state.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
    }
  }

  /** In place, as a decoder does, and in pieces around the length of a chunk. */
  @ParameterizedTest
  @EnumSource(Discretization.class)
  void forward_inPiecesWithCarriedState_equalsWhole(Discretization discretization) {
    Shape whole = new Shape(2, 133, 37, 16, discretization, true);
    try (Backend backend = open(2)) {
      ScanKernels kernels = kernels(backend);
      ScanCase scan = new ScanCase(whole, 5);
      scan.truth.forward();
      for (int piece : new int[] {1, 5, 31, 32, 33, 64, 132}) {
        Inputs all = scan.inputs();
        Matrix state = Matrix.of(32, 37, 37).fill(scan.truth.initialState);
        scan.out.poison(Float.NaN);
        for (int sequence = 0; sequence < 2; sequence++) {
          for (int t = 0; t < 133; t += piece) {
            Shape shape = new Shape(1, Math.min(piece, 133 - t), 37, 16, discretization, true);
            View carried = state.view().plus(16L * 37 * sequence);
            long row = 133L * sequence + t;
            kernels.forward(
                new Forward(
                    shape,
                    from(all, row, carried),
                    scan.out.view().plus(row * scan.out.view().stride()),
                    carried,
                    null,
                    ScanCase.workspace(kernels.forwardWorkspaceFloats(shape))));
          }
        }
        ScanCase.assertClose("out", scan.out.values(), scan.truth.out, FORWARD_TOLERANCE, 0);
        ScanCase.assertClose("state", state.values(), scan.truth.finalState, FORWARD_TOLERANCE, 0);
      }
    }
  }

  private static Inputs from(Inputs all, long row, View state) {
    View z = all.z();
    assertThat(z).isNotNull();
    return new Inputs(
        all.u().plus(row * all.u().stride()),
        all.dt().plus(row * all.dt().stride()),
        all.a(),
        all.b().plus(row * all.b().stride()),
        all.c().plus(row * all.c().stride()),
        all.dSkip(),
        z.plus(row * z.stride()),
        all.dtBias(),
        state);
  }

  @Test
  void forward_isLinearInU() {
    try (Backend backend = open(1)) {
      Shape shape = new Shape(1, 70, 21, 16, Discretization.EULER, true);
      ScanCase scan = new ScanCase(shape, 6);
      scan.withInitial = false;
      scan.forward(kernels(backend));
      float[] once = scan.out.values();
      for (int i = 0; i < scan.truth.u.length; i++) {
        scan.truth.u[i] *= 2;
      }
      scan.forward(kernels(backend));
      float[] twice = scan.out.values();
      for (int i = 0; i < once.length; i++) {
        assertThat(twice[i]).isEqualTo(2 * once[i]);
      }
    }
  }

  @Test
  void forward_laterInput_neverChangesEarlierOutput() {
    try (Backend backend = open(1)) {
      Shape shape = new Shape(1, 300, 5, 16, Discretization.EULER, true);
      ScanCase scan = new ScanCase(shape, 7);
      scan.forward(kernels(backend));
      float[] before = scan.out.values();
      int from = 200 * 5;
      for (int i = from; i < scan.truth.u.length; i++) {
        scan.truth.u[i] += 1;
      }
      scan.forward(kernels(backend));
      assertThat(java.util.Arrays.copyOf(scan.out.values(), from))
          .isEqualTo(java.util.Arrays.copyOf(before, from));
    }
  }

  @Test
  void backward_onlyOneGradientWanted_leavesTheSame() {
    try (Backend backend = open(1)) {
      ScanCase scan = new ScanCase(new Shape(2, 35, 18, 3, Discretization.EULER, true), 8);
      ScanKernels kernels = kernels(backend);
      scan.forward(kernels);
      scan.backward(kernels, false);
      for (int i = 0; i < NAMES.length; i++) {
        float[] all = scan.gradients[i].values();
        scan.backwardOnly(kernels, i);
        assertThat(scan.gradients[i].values()).as(NAMES[i]).isEqualTo(all);
      }
    }
  }

  /** T2 of the reference: values computed by another implementation in double precision. */
  @Test
  void scan_goldenVector_equalsReference() {
    try (Backend backend = open(1)) {
      ScanGolden.check(kernels(backend));
    }
  }
}
