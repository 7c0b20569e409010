package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.StepKernels;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a step of a whole model must do. */
abstract class StepContract {
  /** What rounding the activations of the large products to bf16 may change of a row's largest. */
  private static final double TOLERANCE = 1e-2;

  /** Opens the GPU. */
  abstract CudaBackend open();

  /** Checks the element that is farthest off. */
  private static void assertClose(double[] actual, double[] expected, String what) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    int worst = 0;
    double farthest = 0;
    for (int i = 0; i < expected.length; i++) {
      double distance = Math.abs(actual[i] - expected[i]);
      if (Double.isNaN(distance) || distance > farthest) {
        worst = i;
        farthest = Double.isNaN(distance) ? Double.POSITIVE_INFINITY : distance;
      }
    }
    assertThat(actual[worst])
        .as("%s, element %d", what, worst)
        .isCloseTo(expected[worst], within(TOLERANCE * largest));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 64, 128, 16, 4, 4, F32, false",
    "1, 32, 64, 8, 2, 4, BF16, true",
    "1, 288, 576, 16, 4, 20, F32, false",
    "1, 256, 512, 16, 4, 16, F32, true",
    "1, 768, 1536, 16, 4, 48, BF16, false",
    "3, 64, 128, 16, 4, 4, BF16, false",
    "8, 96, 192, 4, 1, 8, F32, true",
    "9, 64, 128, 16, 3, 12, F32, true",
    "2, 288, 576, 16, 4, 20, F32, true",
    "17, 32, 64, 64, 8, 4, BF16, true",
    "33, 32, 64, 16, 4, 4, F32, false",
    "24, 160, 320, 16, 4, 20, BF16, false",
    "64, 32, 64, 16, 4, 4, F32, true"
  })
  void step_everyForm_followsTheEquations(
      int rows,
      int dModel,
      int dInner,
      int dState,
      int dConv,
      int rank,
      DType small,
      boolean bias) {
    try (CudaBackend backend = open()) {
      StepKernels kernels = backend.step().orElseThrow();
      StepKernels.Shape shape = StepCase.shape(rows, dModel, dInner, dState, dConv, rank);
      assertFollows(new StepCase(backend, shape, 3, small, bias), kernels);
    }
  }

  /** Runs a step of all sequences and compares it with the truth. */
  static void assertFollows(StepCase test, StepKernels kernels) {
    assertThat(test.isTaken(kernels)).isTrue();
    test.run(kernels, 0, test.rows());
    double[][] actual = test.results();
    double[][] expected = test.truth();
    for (int i = 0; i < expected.length; i++) {
      assertClose(actual[i], expected[i], "row " + i);
    }
  }

  /** Nineteen together, and in twos and a three, in which others are beside each. */
  @Test
  void step_manySequences_giveTheBitsOfEachAmongOthers() {
    try (CudaBackend backend = open()) {
      StepKernels kernels = backend.step().orElseThrow();
      int rows = 19;
      StepKernels.Shape shape = StepCase.shape(rows, 64, 128, 16, 4, 4);
      StepCase test = new StepCase(backend, shape, 2, DType.F32, false);
      test.run(kernels, 0, rows);
      double[][] together = test.results();
      test.rewind();
      for (int row = 0; row + 3 < rows; row += 2) {
        test.run(kernels, row, 2);
      }
      test.run(kernels, rows - 3, 3);
      assertThat(Arrays.deepEquals(test.results(), together)).isTrue();
    }
  }

  @Test
  void step_manyLayers_readsAllOfTheTable() {
    try (CudaBackend backend = open()) {
      StepKernels kernels = backend.step().orElseThrow();
      StepCase test =
          new StepCase(backend, StepCase.shape(1, 32, 64, 4, 2, 4), 35, DType.F32, false);
      test.run(kernels, 0, 1);
      assertClose(test.results()[0], test.truth()[0], "the residual stream");
    }
  }

  @Test
  void takes_whatItIsNotMadeFor_saysNo() {
    try (CudaBackend backend = open()) {
      StepKernels kernels = backend.step().orElseThrow();
      for (StepKernels.Shape shape :
          new StepKernels.Shape[] {
            StepCase.shape(1, 48, 96, 16, 4, 4),
            StepCase.shape(1, 32, 64, 6, 4, 4),
            StepCase.shape(1, 32, 64, 16, 9, 4),
            StepCase.shape(1, 32, 64, 16, 4, 3)
          }) {
        StepCase test = new StepCase(backend, shape, 1, DType.F32, false);
        assertThat(test.isTaken(kernels)).as("%s", shape).isFalse();
      }
      StepKernels.Shape held =
          new StepKernels.Shape(1, 32, 64, 16, 4, 4, 1e-5f, Discretization.ZOH);
      StepCase test =
          new StepCase(backend, StepCase.shape(1, 32, 64, 16, 4, 4), 1, DType.F32, false);
      assertThat(kernels.takes(held, test.layers(0))).isFalse();
    }
  }
}
