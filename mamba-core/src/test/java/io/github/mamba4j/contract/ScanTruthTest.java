package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The slow truth itself: against central differences and a golden vector. */
class ScanTruthTest {
  static Stream<Shape> shapes() {
    return Stream.of(Discretization.values())
        .flatMap(d -> Stream.of(new Shape(2, 4, 3, 2, d, true), new Shape(1, 5, 2, 3, d, false)));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backward_everyInputElement_equalsCentralDifference(Shape shape) {
    ScanCase scan = new ScanCase(shape, 11);
    ScanTruth truth = scan.truth;
    truth.a[0] = -1e-3;
    truth.forward();
    truth.backward(scan.outGrad, scan.finalStateGrad);
    double[][] gradients = truth.gradients();
    double step = 1e-5;
    for (int i = 0; i < gradients.length; i++) {
      double[] input = truth.inputs()[i];
      for (int j = 0; j < input.length; j++) {
        double kept = input[j];
        input[j] = kept + step;
        double above = loss(scan);
        input[j] = kept - step;
        double below = loss(scan);
        input[j] = kept;
        double difference = (above - below) / (2 * step);
        assertThat(gradients[i][j])
            .as("input %s, element %s", i, j)
            .isCloseTo(difference, within(1e-7 * (1 + Math.abs(difference))));
      }
    }
  }

  private static double loss(ScanCase scan) {
    scan.truth.forward();
    double sum = 0;
    for (int i = 0; i < scan.outGrad.length; i++) {
      sum += scan.outGrad[i] * scan.truth.out[i];
    }
    for (int i = 0; i < scan.finalStateGrad.length; i++) {
      sum += scan.finalStateGrad[i] * scan.truth.finalState[i];
    }
    return sum;
  }

  @Test
  void truth_goldenVector_equalsReference() {
    ScanCase scan = ScanGolden.inputs();
    scan.truth.forward();
    scan.truth.backward(scan.outGrad, scan.finalStateGrad);
    ScanGolden.check(scan.truth.out, scan.truth.finalState, scan.truth.gradients(), 1e-8, 2e-9);
  }
}
