package io.github.mamba4j.bench;

import java.util.Locale;

/** The check of a benchmark's result before it is timed. */
final class Agreement {
  private Agreement() {}

  /**
   * Compares results with an independent computation of them.
   *
   * @param what the name of the result, for the message
   * @param actual what will be timed
   * @param expected what it should be
   * @param tolerance largest difference, relative to the largest expected value
   * @throws IllegalStateException if a difference is larger, or something is not finite
   */
  static void check(String what, float[] actual, double[] expected, double tolerance) {
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs(actual[i] - expected[i]);
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    if (!(worst <= tolerance * largest)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "Agreement: %s differs by %.3g, expected at most %.1g of its largest value %.3g",
              what,
              worst,
              tolerance,
              largest));
    }
  }

  /** Widens floats that serve as the expectation. */
  static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }
}
