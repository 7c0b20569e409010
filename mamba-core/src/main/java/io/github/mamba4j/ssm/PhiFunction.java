package io.github.mamba4j.ssm;

import org.apache.commons.math3.complex.Complex;

/** The function φ₁(z) = (exp z − 1)/z of exponential integrators, with φ₁(0) = 1. */
final class PhiFunction {

  /** Below this modulus the series' first dropped term, z⁶/5040, is under 2⁻⁷². */
  private static final double SERIES_RADIUS = 0x1p-10;

  private PhiFunction() {}

  /**
   * Returns φ₁(z), accurate to a few units in the last place of its modulus.
   *
   * @param z a finite complex number
   * @return (exp z − 1)/z, or its limit 1 at 0
   */
  static Complex phi1(Complex z) {
    if (z.abs() < SERIES_RADIUS) {
      Complex sum = Complex.ONE;
      for (int k = 6; k >= 2; k--) {
        sum = z.divide(k).multiply(sum).add(1);
      }
      return sum;
    }
    return expm1(z).divide(z);
  }

  /** exp(x + iy) − 1 without the cancellation of subtracting 1 from a number near it. */
  private static Complex expm1(Complex z) {
    double x = z.getReal();
    double y = z.getImaginary();
    double halfSine = Math.sin(y / 2);
    return new Complex(
        Math.expm1(x) * Math.cos(y) - 2 * halfSine * halfSine, Math.exp(x) * Math.sin(y));
  }
}
