package io.github.mamba4j.bench;

import java.util.Locale;

/** The check of a benchmark's result before it is timed. */
public final class Agreement {
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
  public static void check(String what, float[] actual, double[] expected, double tolerance) {
    check(what, widen(actual), expected, tolerance);
  }

  /**
   * Compares results with an independent computation of them, as {@link #check(String, float[],
   * double[], double)} does.
   */
  public static void check(String what, double[] actual, double[] expected, double tolerance) {
    double error = error(actual, expected);
    if (!(error <= tolerance)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "Agreement: %s differs by %.3g of its largest value, expected at most %.1g",
              what,
              error,
              tolerance));
    }
  }

  /**
   * Compares results with others.
   *
   * @param actual the results
   * @param expected what they should be
   * @return the largest difference, relative to the largest expected value; infinite if something
   *     is not finite
   */
  private static double error(double[] actual, double[] expected) {
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs(actual[i] - expected[i]);
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
    }
    return worst == 0 ? 0 : worst / largest;
  }

  /** Widens floats that serve as the expectation. */
  public static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }
}
