package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every implementation of the scan of Mamba-2 has to do. */
abstract class SsdKernelsContract extends KernelsContract<SsdKernels> {
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
      {1, 130, 2, 64, 1, 128, 64},
      {1, 131, 24, 16, 2, 8, 256},
      {3, 65, 3, 4, 1, 17, 256},
      {1, 300, 2, 16, 1, 16, 128},
      {1, 1100, 1, 8, 1, 8, 256},
      {2, 1, 24, 64, 1, 128, 256},
      {1, 70, 24, 64, 2, 16, 256},
      {1, 70, 2, 80, 1, 16, 256}
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
    assertTruth(scan, kernels, false);
    assertTruth(scan, kernels, true);
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
}
