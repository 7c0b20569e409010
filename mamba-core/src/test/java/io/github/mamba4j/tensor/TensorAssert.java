package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;

/** Compares arrays of numbers and shows the worst place. */
public final class TensorAssert {
  private static final int SAMPLE = 5;

  private TensorAssert() {}

  /** Passes if every difference is within a share of the largest expected value. */
  public static void assertClose(
      String what, float[] actual, double[] expected, double relativeTolerance) {
    assertThat(actual.length).as(what + ": number of elements").isEqualTo(expected.length);
    double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
    double allowed = relativeTolerance * Math.max(largest, 1e-3);
    int worst = -1;
    double worstError = -1;
    for (int i = 0; i < expected.length; i++) {
      double error = Math.abs(actual[i] - expected[i]);
      if (!(error <= worstError)) {
        worst = i;
        worstError = error;
      }
    }
    if (!(worstError <= allowed) && expected.length > 0) {
      int from = Math.max(0, worst - SAMPLE / 2);
      int to = Math.min(expected.length, from + SAMPLE);
      fail(
          "%s: element %d is %s, expected %s (off by %.3g, allowed %.3g); [%d, %d) is %s, expected"
              + " %s",
          what,
          worst,
          actual[worst],
          expected[worst],
          worstError,
          allowed,
          from,
          to,
          Arrays.toString(Arrays.copyOfRange(actual, from, to)),
          Arrays.toString(Arrays.copyOfRange(expected, from, to)));
    }
  }
}
