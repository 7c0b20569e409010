package io.github.mamba4j.ssm;

import java.util.Arrays;

/**
 * The diagonal initial systems of S4D: Real, Lin and Inv, with B = 1 and D = 0.
 *
 * <p>Source: Gu, Gupta, Goel and Ré 2022 (arXiv 2206.11893), section 4. Mamba-1 starts every
 * channel from S4D-Real (Gu and Dao 2023, arXiv 2312.00752, section 3.6), there kept as A_log =
 * ln(n+1).
 */
public final class S4d {

  private S4d() {}

  /**
   * Returns S4D-Real: {@code A_n = −(n+1)}, n from 0.
   *
   * @param c the output vector C, [stateSize]
   * @return a real diagonal system with one input and one output
   * @throws IllegalArgumentException if c is empty or has a number that is NaN or infinite
   */
  public static StateSpace real(double[] c) {
    Checks.positive("S4d.real", "length of c", c.length);
    double[] a = new double[c.length];
    Arrays.setAll(a, n -> -(n + 1.0));
    return StateSpace.diagonal(a, filled(c.length, 1), new double[][] {c}, new double[1][1]);
  }

  /**
   * Returns S4D-Real with C = 1.
   *
   * @param stateSize the number of modes, positive
   * @return a real diagonal system with one input and one output
   * @throws IllegalArgumentException if the state size is not positive
   */
  public static StateSpace real(int stateSize) {
    return real(ones("S4d.real", stateSize));
  }

  /**
   * Returns S4D-Lin: {@code A_n = −1/2 + iπn}, n from 0, each mode one of a conjugate pair, so that
   * the output is 2·Re(C·h).
   *
   * @param cReal the real parts of C, [modes]
   * @param cImaginary the imaginary parts of C, [modes]
   * @return a complex diagonal system with one input and one output, stateSize = 2·modes
   * @throws IllegalArgumentException if the lengths differ or are 0, or a number is NaN or infinite
   */
  public static StateSpace lin(double[] cReal, double[] cImaginary) {
    Checks.positive("S4d.lin", "length of cReal", cReal.length);
    double[] frequencies = new double[cReal.length];
    Arrays.setAll(frequencies, n -> Math.PI * n);
    return pairs(frequencies, cReal, cImaginary);
  }

  /**
   * Returns S4D-Lin with C = 1.
   *
   * @param modes the number of conjugate pairs, positive
   * @return a complex diagonal system with one input and one output, stateSize = 2·modes
   * @throws IllegalArgumentException if the number of modes is not positive
   */
  public static StateSpace lin(int modes) {
    return lin(ones("S4d.lin", modes), new double[modes]);
  }

  /**
   * Returns S4D-Inv: {@code A_n = −1/2 + i·(N/π)·(N/(2n+1) − 1)} with N = 2·modes, n from 0, each
   * mode one of a conjugate pair; it approximates the spectrum of HiPPO-LegS.
   *
   * @param cReal the real parts of C, [modes]
   * @param cImaginary the imaginary parts of C, [modes]
   * @return a complex diagonal system with one input and one output, stateSize = N
   * @throws IllegalArgumentException if the lengths differ or are 0, or a number is NaN or infinite
   */
  public static StateSpace inv(double[] cReal, double[] cImaginary) {
    Checks.positive("S4d.inv", "length of cReal", cReal.length);
    double size = 2.0 * cReal.length;
    double[] frequencies = new double[cReal.length];
    Arrays.setAll(frequencies, n -> size / Math.PI * (size / (2 * n + 1) - 1));
    return pairs(frequencies, cReal, cImaginary);
  }

  /**
   * Returns S4D-Inv with C = 1.
   *
   * @param modes the number of conjugate pairs, positive
   * @return a complex diagonal system with one input and one output, stateSize = 2·modes
   * @throws IllegalArgumentException if the number of modes is not positive
   */
  public static StateSpace inv(int modes) {
    return inv(ones("S4d.inv", modes), new double[modes]);
  }

  private static StateSpace pairs(double[] frequencies, double[] cReal, double[] cImaginary) {
    int modes = frequencies.length;
    double[] decays = new double[modes];
    Arrays.fill(decays, -0.5);
    return StateSpace.conjugatePairs(
        decays,
        frequencies,
        filled(modes, 1),
        filled(modes, 0),
        new double[][] {cReal},
        new double[][] {cImaginary},
        new double[1][1]);
  }

  private static double[] ones(String where, int count) {
    Checks.positive(where, "size", count);
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  private static double[][] filled(int rows, double value) {
    double[][] matrix = new double[rows][1];
    for (double[] row : matrix) {
      row[0] = value;
    }
    return matrix;
  }
}
