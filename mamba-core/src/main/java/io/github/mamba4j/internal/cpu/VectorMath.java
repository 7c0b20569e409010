package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScalarMath.*;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * The functions of {@link ScalarMath} on every lane of a vector, with the same bits and so the same
 * error bounds. All methods are small enough to be inlined into a kernel's loop, where the
 * constants stay in registers.
 */
final class VectorMath {
  private VectorMath() {}

  private static final VectorShuffle<Float> BY_8 = rotation(8);
  private static final VectorShuffle<Float> BY_4 = rotation(4);
  private static final VectorShuffle<Float> BY_2 = rotation(2);
  private static final VectorShuffle<Float> BY_1 = rotation(1);

  private static VectorShuffle<Float> rotation(int lanes) {
    return VectorShuffle.iota(SPECIES, lanes, 1, true);
  }

  /**
   * Adds the lanes pairwise, in an order given by their number alone. {@code reduceLanes(ADD)} may
   * add in another order compiled than interpreted, so the same program would give other bits from
   * one run to the next.
   */
  static float sum(FloatVector x) {
    FloatVector total = x;
    if (SPECIES.length() > 8) {
      total = total.add(total.rearrange(BY_8));
    }
    if (SPECIES.length() > 4) {
      total = total.add(total.rearrange(BY_4));
    }
    if (SPECIES.length() > 2) {
      total = total.add(total.rearrange(BY_2));
    }
    return total.add(total.rearrange(BY_1)).lane(0);
  }

  /** Returns {@code e^x}; 0 where that is below the smallest normal float. */
  static FloatVector exp(FloatVector x) {
    FloatVector t =
        x.fma(FloatVector.broadcast(SPECIES, LOG2_E), FloatVector.broadcast(SPECIES, ROUNDER));
    FloatVector n = t.sub(ROUNDER);
    FloatVector r = n.fma(FloatVector.broadcast(SPECIES, -LN2_HIGH), x);
    r = n.fma(FloatVector.broadcast(SPECIES, -LN2_LOW), r);
    FloatVector q = r.fma(FloatVector.broadcast(SPECIES, E6), FloatVector.broadcast(SPECIES, E5));
    q =
        q.fma(r, FloatVector.broadcast(SPECIES, E4))
            .fma(r, FloatVector.broadcast(SPECIES, E3))
            .fma(r, FloatVector.broadcast(SPECIES, E2));
    IntVector p = r.mul(r).fma(q, r).add(1).reinterpretAsInts();
    IntVector scale = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, MANTISSA_BITS);
    FloatVector inRange =
        p.add(scale).reinterpretAsFloats().blend(0, x.compare(VectorOperators.LT, EXP_MIN));
    // Infinity above the range, and NaN for NaN, whose bits the sum of integers would spoil.
    return x.add(Float.POSITIVE_INFINITY).blend(inRange, x.compare(VectorOperators.LE, EXP_MAX));
  }

  /** Returns {@code 2^y} within its limits, see {@link ScalarMath#exp2}; needs no masks. */
  static FloatVector exp2(FloatVector y) {
    FloatVector t = y.add(ROUNDER);
    FloatVector f = y.sub(t.sub(ROUNDER));
    FloatVector p =
        f.fma(FloatVector.broadcast(SPECIES, P5), FloatVector.broadcast(SPECIES, P4))
            .fma(f, FloatVector.broadcast(SPECIES, P3))
            .fma(f, FloatVector.broadcast(SPECIES, P2));
    p = p.fma(f, FloatVector.broadcast(SPECIES, P1)).fma(f, FloatVector.broadcast(SPECIES, 1));
    return p.reinterpretAsInts().add(exponent(t)).reinterpretAsFloats();
  }

  /** Returns {@code 2^y − 1} without cancellation near zero, for the y of {@link #exp2}. */
  static FloatVector exp2MinusOne(FloatVector y) {
    FloatVector t = y.add(ROUNDER);
    FloatVector f = y.sub(t.sub(ROUNDER));
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    FloatVector scale = one.reinterpretAsInts().add(exponent(t)).reinterpretAsFloats();
    FloatVector q =
        f.fma(FloatVector.broadcast(SPECIES, M6), FloatVector.broadcast(SPECIES, M5))
            .fma(f, FloatVector.broadcast(SPECIES, M4))
            .fma(f, FloatVector.broadcast(SPECIES, M3));
    q = q.fma(f, FloatVector.broadcast(SPECIES, M2)).fma(f, FloatVector.broadcast(SPECIES, M1));
    return q.mul(f).fma(scale, scale.sub(one));
  }

  private static IntVector exponent(FloatVector t) {
    return t.reinterpretAsInts()
        .max(EXPONENT_MIN)
        .min(EXPONENT_MAX)
        .lanewise(VectorOperators.LSHL, MANTISSA_BITS);
  }

  /** Returns {@code (x·e^x − e^x + 1)/x²}, see {@link ScalarMath#zohSlope}. */
  static FloatVector zohSlope(FloatVector x, FloatVector exp, FloatVector expMinusOne) {
    FloatVector s =
        x.fma(FloatVector.broadcast(SPECIES, Z6), FloatVector.broadcast(SPECIES, Z5))
            .fma(x, FloatVector.broadcast(SPECIES, Z4))
            .fma(x, FloatVector.broadcast(SPECIES, Z3));
    s =
        s.fma(x, FloatVector.broadcast(SPECIES, Z2))
            .fma(x, FloatVector.broadcast(SPECIES, Z1))
            .fma(x, FloatVector.broadcast(SPECIES, Z0));
    FloatVector direct = x.fma(exp, expMinusOne.neg()).div(x.mul(x));
    return direct.blend(s, x.abs().compare(VectorOperators.LT, ZOH_SERIES_MAX));
  }

  /** Returns {@code log(1 + x)} for x in [0, 1]. */
  static FloatVector log1pUnit(FloatVector x) {
    FloatVector q =
        x.fma(FloatVector.broadcast(SPECIES, L8), FloatVector.broadcast(SPECIES, L7))
            .fma(x, FloatVector.broadcast(SPECIES, L6))
            .fma(x, FloatVector.broadcast(SPECIES, L5));
    q =
        q.fma(x, FloatVector.broadcast(SPECIES, L4))
            .fma(x, FloatVector.broadcast(SPECIES, L3))
            .fma(x, FloatVector.broadcast(SPECIES, L2))
            .fma(x, FloatVector.broadcast(SPECIES, L1));
    return x.mul(x).fma(q.fma(x, FloatVector.broadcast(SPECIES, L0)), x);
  }

  /** Returns {@code log(1 + e^x)}; above 20, and before, that rounds to x. */
  static FloatVector softplus(FloatVector x) {
    FloatVector tail = log1pUnit(exp(x.abs().neg()));
    return x.blend(0, x.compare(VectorOperators.LT, 0)).add(tail);
  }

  /** Returns {@code 1/(1 + e^−x)}, which is also the derivative of {@link #softplus}. */
  static FloatVector sigmoid(FloatVector x) {
    return FloatVector.broadcast(SPECIES, 1).div(exp(x.neg()).add(1));
  }

  /** Returns {@code x/(1 + e^−x)}. */
  static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(1));
  }

  /** Returns the hyperbolic tangent. */
  static FloatVector tanh(FloatVector x) {
    FloatVector magnitude = x.abs();
    FloatVector y = x.mul(x);
    FloatVector q =
        y.fma(FloatVector.broadcast(SPECIES, T4), FloatVector.broadcast(SPECIES, T3))
            .fma(y, FloatVector.broadcast(SPECIES, T2))
            .fma(y, FloatVector.broadcast(SPECIES, T1));
    FloatVector near = x.mul(y).fma(q.fma(y, FloatVector.broadcast(SPECIES, T0)), x);
    FloatVector far =
        FloatVector.broadcast(SPECIES, 1)
            .sub(FloatVector.broadcast(SPECIES, 2).div(exp(magnitude.add(magnitude)).add(1)));
    far = far.blend(far.neg(), x.compare(VectorOperators.LT, 0));
    return far.blend(near, magnitude.compare(VectorOperators.LT, TANH_POLYNOMIAL_MAX));
  }
}
