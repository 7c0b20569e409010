package io.github.mamba4j.internal.cpu;

/**
 * Elementary functions of one float: the scalar kernels' and the same formulas, step by step, as
 * {@link VectorMath}, so that a tail has the bits of the lanes beside it.
 *
 * <p>Exponentials reduce {@code x = n·ln 2 + r} with a two-part ln 2 (Cody and Waite 1980),
 * evaluate a minimax polynomial of r and add n to the exponent. Results below the smallest normal
 * float are flushed to zero.
 *
 * <p>Largest errors over all floats against double precision, in units of the last place (tested):
 * {@code exp} 1, {@code softplus}, {@code sigmoid}, {@code tanh} and {@code exp2} 2.5, {@code silu}
 * 3, {@code exp2MinusOne} 3. {@code silu} is −0 below −88.72, where the truth is above −3e−37.
 * {@code exp(0) = 1} exactly, and infinities and NaN go where they must.
 */
final class ScalarMath {
  /** 1.5·2²³: adding it leaves the nearest integer in the low bits. */
  static final float ROUNDER = 0x1.8p23f;

  /** The bits of the rounder with the smallest and largest exponents that {@code exp2} gives. */
  static final int EXPONENT_MIN = 0x4b400000 - 125;

  static final int EXPONENT_MAX = 0x4b400000 + 127;
  static final int MANTISSA_BITS = 23;

  static final float LOG2_E = 0x1.715476p0f;
  static final float LN2 = 0x1.62e43p-1f;
  static final float LN2_HIGH = 0x1.62e4p-1f;
  static final float LN2_LOW = 0x1.7f7d1cp-20f;

  /** Below it {@code exp} is not a normal float: {@code −126·ln 2}. */
  static final float EXP_MIN = -0x1.5d589ep6f;

  /** Above it {@code exp} overflows: {@code log(Float.MAX_VALUE)}. */
  static final float EXP_MAX = 0x1.62e42ep6f;

  /** {@code exp(r) = 1 + r + r²·(E2 + …)} for |r| ≤ ln 2 / 2, relative error 3.1e-9. */
  static final float E2 = 0x1.fffffcp-2f;

  static final float E3 = 0x1.555492p-3f;
  static final float E4 = 0x1.5558f2p-5f;
  static final float E5 = 0x1.123a2p-7f;
  static final float E6 = 0x1.6a23ccp-10f;

  /** {@code 2^f = 1 + f·(P1 + …)} for |f| ≤ 1/2, relative error 9.2e-8, less towards 0. */
  static final float P1 = 0x1.62e42ap-1f;

  static final float P2 = 0x1.ebf9bap-3f;
  static final float P3 = 0x1.c6b756p-5f;
  static final float P4 = 0x1.3ceae4p-7f;
  static final float P5 = 0x1.5bb9bp-10f;

  /** {@code 2^f − 1 = f·(M1 + …)} for |f| ≤ 1/2, relative error 1.1e-8. */
  static final float M1 = 0x1.62e43p-1f;

  static final float M2 = 0x1.ebfbdep-3f;
  static final float M3 = 0x1.c6af6ep-5f;
  static final float M4 = 0x1.3b2bap-7f;
  static final float M5 = 0x1.5f0802p-10f;
  static final float M6 = 0x1.4308f4p-13f;

  /** {@code log(1 + x) = x + x²·(L0 + …)} for x in [0, 1], relative error 5.1e-9. */
  static final float L0 = -0x1.ffffd2p-2f;

  static final float L1 = 0x1.554dfp-2f;
  static final float L2 = -0x1.ff26dep-3f;
  static final float L3 = 0x1.935c94p-3f;
  static final float L4 = -0x1.3a7a5cp-3f;
  static final float L5 = 0x1.b57946p-4f;
  static final float L6 = -0x1.d8622ep-5f;
  static final float L7 = 0x1.4b072ep-6f;
  static final float L8 = -0x1.b2f3b4p-9f;

  /** {@code tanh(x) = x + x³·(T0 + …)} in x² for |x| ≤ 0.625, relative error 4.4e-9. */
  static final float T0 = -0x1.555532p-2f;

  static final float T1 = 0x1.11071ep-3f;
  static final float T2 = -0x1.b83b18p-5f;
  static final float T3 = 0x1.521e02p-6f;
  static final float T4 = -0x1.75b9ccp-8f;
  static final float TANH_POLYNOMIAL_MAX = 0.625f;

  /** Taylor coefficients {@code (k+1)/(k+2)!} of {@code zohSlope}. */
  static final float Z0 = 1f / 2;

  static final float Z1 = 1f / 3;
  static final float Z2 = 1f / 8;
  static final float Z3 = 1f / 30;
  static final float Z4 = 1f / 144;
  static final float Z5 = 1f / 840;
  static final float Z6 = 1f / 5760;
  static final float ZOH_SERIES_MAX = 0.375f;

  private ScalarMath() {}

  /** Returns {@code e^x}; 0 where that is below the smallest normal float. */
  static float exp(float x) {
    if (x < EXP_MIN) {
      return 0;
    }
    if (!(x <= EXP_MAX)) {
      return x + Float.POSITIVE_INFINITY;
    }
    float t = Math.fma(x, LOG2_E, ROUNDER);
    float n = t - ROUNDER;
    float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    float q = Math.fma(Math.fma(Math.fma(Math.fma(E6, r, E5), r, E4), r, E3), r, E2);
    float p = Math.fma(r * r, q, r) + 1;
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(t) << MANTISSA_BITS));
  }

  /**
   * Returns {@code 2^y}, between 2^−125.5 and 2^127.5, where it stays for all that is beyond. For
   * numbers of magnitude below 2⁴⁰ only: not for infinities and NaN, which it hides.
   */
  static float exp2(float y) {
    float t = y + ROUNDER;
    float f = y - (t - ROUNDER);
    float p = Math.fma(Math.fma(Math.fma(P5, f, P4), f, P3), f, P2);
    p = Math.fma(Math.fma(p, f, P1), f, 1);
    return Float.intBitsToFloat(Float.floatToRawIntBits(p) + exponent(t));
  }

  /** Returns {@code 2^y − 1} without cancellation near zero, for the y of {@link #exp2}. */
  static float exp2MinusOne(float y) {
    float t = y + ROUNDER;
    float f = y - (t - ROUNDER);
    float scale = Float.intBitsToFloat(Float.floatToRawIntBits(1f) + exponent(t));
    float q = Math.fma(Math.fma(Math.fma(M6, f, M5), f, M4), f, M3);
    q = Math.fma(Math.fma(q, f, M2), f, M1);
    return Math.fma(q * f, scale, scale - 1);
  }

  private static int exponent(float t) {
    return Math.clamp(Float.floatToRawIntBits(t), EXPONENT_MIN, EXPONENT_MAX) << MANTISSA_BITS;
  }

  /**
   * Returns {@code (x·e^x − e^x + 1)/x²}, the slope of {@code (e^x − 1)/x}, by its series near 0.
   *
   * @param x where
   * @param exp {@code e^x}
   * @param expMinusOne {@code e^x − 1}
   */
  static float zohSlope(float x, float exp, float expMinusOne) {
    if (Math.abs(x) < ZOH_SERIES_MAX) {
      float s = Math.fma(Math.fma(Math.fma(Z6, x, Z5), x, Z4), x, Z3);
      return Math.fma(Math.fma(Math.fma(s, x, Z2), x, Z1), x, Z0);
    }
    return Math.fma(x, exp, -expMinusOne) / (x * x);
  }

  /** Returns {@code log(1 + x)} for x in [0, 1]. */
  static float log1pUnit(float x) {
    float q = Math.fma(Math.fma(Math.fma(Math.fma(L8, x, L7), x, L6), x, L5), x, L4);
    q = Math.fma(Math.fma(Math.fma(Math.fma(q, x, L3), x, L2), x, L1), x, L0);
    return Math.fma(x * x, q, x);
  }

  /**
   * Returns {@code log(1 + e^x)}. Above 20, where the definition with a cut-off returns x, the sum
   * below rounds to x.
   */
  static float softplus(float x) {
    float tail = log1pUnit(exp(-Math.abs(x)));
    return (x < 0 ? 0 : x) + tail;
  }

  /** Returns {@code 1/(1 + e^−x)}, which is also the derivative of {@link #softplus}. */
  static float sigmoid(float x) {
    return 1 / (1 + exp(-x));
  }

  /** Returns {@code x/(1 + e^−x)}. */
  static float silu(float x) {
    return x / (1 + exp(-x));
  }

  /** Returns the hyperbolic tangent. */
  static float tanh(float x) {
    float magnitude = Math.abs(x);
    if (magnitude < TANH_POLYNOMIAL_MAX) {
      float y = x * x;
      float q = Math.fma(Math.fma(Math.fma(Math.fma(T4, y, T3), y, T2), y, T1), y, T0);
      return Math.fma(x * y, q, x);
    }
    float result = 1 - 2 / (1 + exp(magnitude + magnitude));
    return x < 0 ? -result : result;
  }
}
