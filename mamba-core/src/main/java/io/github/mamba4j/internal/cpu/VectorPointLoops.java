package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MASK;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MEMORY;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops over time of a vector of channels that need no states: softplus, gate and their
 * gradients. {@code column} is where the channels' panels begin in {@link VectorTileMemory},
 * everything in bytes.
 */
final class VectorPointLoops {
  private static final long STEP = ScanTile.STEP * 4L;
  private static final long VECTOR = ScanTile.MAX_LANES * 4L;
  private static final long DELTA = ScanTile.DELTA * VECTOR;
  private static final long INPUT = ScanTile.INPUT * VECTOR;
  private static final long OUT = ScanTile.OUT * VECTOR;
  private static final long U = ScanTile.U * VECTOR;
  private static final long Z = ScanTile.Z * VECTOR;
  private static final long RAW = ScanTile.RAW * VECTOR;
  private static final long OUT_GRAD = ScanTile.OUT_GRAD * VECTOR;
  private static final long INPUT_GRAD = ScanTile.INPUT_GRAD * VECTOR;
  private static final long DELTA_GRAD = ScanTile.DELTA_GRAD * VECTOR;

  /** The bits of 87.3: {@code e^87.3} and its reciprocal are normal numbers. */
  private static final int HIGHEST = Float.floatToRawIntBits(87.3f);

  private static final int LOWEST = Float.floatToRawIntBits(-87.3f);

  private static final int SIGN = Integer.MIN_VALUE;

  private VectorPointLoops() {}

  /** Sums a vector of every row. */
  static void sumColumn(
      MemorySegment source, long from, long stride, int rows, MemorySegment target, long to) {
    source = offHeap(source);
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < rows; t++) {
      sum = sum.add(fromMemorySegment(SPECIES, source, from + t * stride, ORDER));
    }
    sum.intoMemorySegment(offHeap(target), to, ORDER);
  }

  /** Makes Δ of dt: {@code raw = dt + bias}, and Δ the same. */
  static void enterDelta(long column, long biasAt, int steps) {
    FloatVector bias = fromMemorySegment(SPECIES, MEMORY, biasAt & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector raw = fromMemorySegment(SPECIES, MEMORY, at + RAW, ORDER).add(bias);
      raw.intoMemorySegment(MEMORY, at + RAW, ORDER);
      raw.intoMemorySegment(MEMORY, at + DELTA, ORDER);
    }
  }

  /**
   * Makes of dt {@code raw = dt + bias}, and in the place of Δ {@code e^−|raw|}, not below {@code
   * e^−87.3}; NaN gives that too.
   */
  static void enterExponential(long column, long biasAt, int steps) {
    FloatVector bias = fromMemorySegment(SPECIES, MEMORY, biasAt & MASK, ORDER);
    FloatVector log2e = FloatVector.broadcast(SPECIES, ScalarMath.LOG2_E);
    FloatVector rounder = FloatVector.broadcast(SPECIES, ScalarMath.ROUNDER);
    FloatVector high = FloatVector.broadcast(SPECIES, -ScalarMath.LN2_HIGH);
    FloatVector low = FloatVector.broadcast(SPECIES, -ScalarMath.LN2_LOW);
    FloatVector e2 = FloatVector.broadcast(SPECIES, ScalarMath.E2);
    FloatVector e3 = FloatVector.broadcast(SPECIES, ScalarMath.E3);
    FloatVector e4 = FloatVector.broadcast(SPECIES, ScalarMath.E4);
    FloatVector e5 = FloatVector.broadcast(SPECIES, ScalarMath.E5);
    FloatVector e6 = FloatVector.broadcast(SPECIES, ScalarMath.E6);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector raw = fromMemorySegment(SPECIES, MEMORY, at + RAW, ORDER).add(bias);
      raw.intoMemorySegment(MEMORY, at + RAW, ORDER);
      // As integers, negative numbers are in the order of their magnitudes.
      FloatVector x =
          raw.reinterpretAsInts()
              .lanewise(VectorOperators.OR, SIGN)
              .min(LOWEST)
              .reinterpretAsFloats();
      FloatVector scale = x.fma(log2e, rounder);
      FloatVector n = scale.sub(rounder);
      FloatVector r = n.fma(low, n.fma(high, x));
      FloatVector p = r.fma(e6, e5).fma(r, e4).fma(r, e3).fma(r, e2);
      IntVector exponent =
          scale.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS);
      r.mul(r)
          .fma(p, r)
          .add(1)
          .reinterpretAsInts()
          .add(exponent)
          .reinterpretAsFloats()
          .intoMemorySegment(MEMORY, at + DELTA, ORDER);
    }
  }

  /** Makes Δ of {@code e^−|raw|}: {@code max(raw, 0) + log(1 + e^−|raw|)}. */
  static void softplusEnd(long column, int steps) {
    FloatVector l0 = FloatVector.broadcast(SPECIES, ScalarMath.L0);
    FloatVector l1 = FloatVector.broadcast(SPECIES, ScalarMath.L1);
    FloatVector l2 = FloatVector.broadcast(SPECIES, ScalarMath.L2);
    FloatVector l3 = FloatVector.broadcast(SPECIES, ScalarMath.L3);
    FloatVector l4 = FloatVector.broadcast(SPECIES, ScalarMath.L4);
    FloatVector l5 = FloatVector.broadcast(SPECIES, ScalarMath.L5);
    FloatVector l6 = FloatVector.broadcast(SPECIES, ScalarMath.L6);
    FloatVector l7 = FloatVector.broadcast(SPECIES, ScalarMath.L7);
    FloatVector l8 = FloatVector.broadcast(SPECIES, ScalarMath.L8);
    FloatVector half = FloatVector.broadcast(SPECIES, 0.5f);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER);
      FloatVector raw = fromMemorySegment(SPECIES, MEMORY, at + RAW, ORDER);
      FloatVector q = x.fma(l8, l7).fma(x, l6).fma(x, l5).fma(x, l4).fma(x, l3).fma(x, l2);
      q = x.mul(x).fma(q.fma(x, l1).fma(x, l0), x);
      raw.add(raw.abs()).fma(half, q).intoMemorySegment(MEMORY, at + DELTA, ORDER);
    }
  }

  /** Makes of u what enters the state, Δ·u, and the direct path. */
  static void enterInput(long column, long skipAt, int steps) {
    FloatVector skip = fromMemorySegment(SPECIES, MEMORY, skipAt & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + U, ORDER);
      x.mul(fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER))
          .intoMemorySegment(MEMORY, at + INPUT, ORDER);
      x.mul(skip).intoMemorySegment(MEMORY, at + OUT, ORDER);
    }
  }

  /** Adds Δ of the steps to a sum, a vector of channels. */
  static void sumDelta(long column, long sumAt, int steps) {
    FloatVector sum = fromMemorySegment(SPECIES, MEMORY, sumAt & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      sum = sum.add(fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER));
    }
    sum.intoMemorySegment(MEMORY, sumAt & MASK, ORDER);
  }

  /**
   * Leaves {@code 1 + e^−x}, the denominator of sigmoid and SiLU; x beyond ±87.3 and NaN count as
   * these.
   *
   * @param from x's vector of a panel
   * @param to where the panel of denominators has it
   * @param steps time steps
   */
  static void denominators(long from, long to, int steps) {
    FloatVector log2e = FloatVector.broadcast(SPECIES, ScalarMath.LOG2_E);
    FloatVector rounder = FloatVector.broadcast(SPECIES, ScalarMath.ROUNDER);
    FloatVector high = FloatVector.broadcast(SPECIES, -ScalarMath.LN2_HIGH);
    FloatVector low = FloatVector.broadcast(SPECIES, -ScalarMath.LN2_LOW);
    FloatVector e2 = FloatVector.broadcast(SPECIES, ScalarMath.E2);
    FloatVector e3 = FloatVector.broadcast(SPECIES, ScalarMath.E3);
    FloatVector e4 = FloatVector.broadcast(SPECIES, ScalarMath.E4);
    FloatVector e5 = FloatVector.broadcast(SPECIES, ScalarMath.E5);
    FloatVector e6 = FloatVector.broadcast(SPECIES, ScalarMath.E6);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      IntVector bits =
          fromMemorySegment(SPECIES, MEMORY, (from + t * STEP) & MASK, ORDER).reinterpretAsInts();
      IntVector magnitude = bits.lanewise(VectorOperators.AND, ~SIGN).min(HIGHEST);
      FloatVector x =
          magnitude
              .lanewise(VectorOperators.OR, bits.lanewise(VectorOperators.AND, SIGN))
              .lanewise(VectorOperators.XOR, SIGN)
              .reinterpretAsFloats();
      FloatVector scale = x.fma(log2e, rounder);
      FloatVector n = scale.sub(rounder);
      FloatVector r = n.fma(low, n.fma(high, x));
      FloatVector p = r.fma(e6, e5).fma(r, e4).fma(r, e3).fma(r, e2);
      IntVector exponent =
          scale.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS);
      IntVector mantissa = r.mul(r).fma(p, r).add(one).reinterpretAsInts();
      FloatVector e = mantissa.add(exponent).reinterpretAsFloats();
      e.add(one).intoMemorySegment(MEMORY, (to + t * STEP) & MASK, ORDER);
    }
  }

  /** Makes of OUT {@code OUT·silu(z)}, with the denominators in DELTA_GRAD. */
  static void gate(long column, int steps) {
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      fromMemorySegment(SPECIES, MEMORY, at + Z, ORDER)
          .div(fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER))
          .mul(fromMemorySegment(SPECIES, MEMORY, at + OUT, ORDER))
          .intoMemorySegment(MEMORY, at + OUT, ORDER);
    }
  }

  /**
   * Takes the gradient behind the gate: leaves the one before it and z's factor, with the
   * denominators in DELTA_GRAD.
   */
  static void gateGrad(long column, int steps) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector gate = fromMemorySegment(SPECIES, MEMORY, at + Z, ORDER);
      FloatVector sigmoid = one.div(fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER));
      FloatVector scaled = fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER).mul(sigmoid);
      FloatVector slope = gate.fma(one.sub(sigmoid), one);
      scaled.mul(slope).intoMemorySegment(MEMORY, at + Z, ORDER);
      scaled.mul(gate).intoMemorySegment(MEMORY, at + OUT_GRAD, ORDER);
    }
  }

  static void clearGrads(long column, int steps) {
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      zero.intoMemorySegment(MEMORY, at + INPUT_GRAD, ORDER);
      zero.intoMemorySegment(MEMORY, at + DELTA_GRAD, ORDER);
    }
  }

  /** Makes the gradient of Δ·u gradients of Δ and, with the direct path's, of u. */
  static void eulerGrads(long column, long skipAt, int steps) {
    FloatVector skip = fromMemorySegment(SPECIES, MEMORY, skipAt & MASK, ORDER);
    FloatVector ln2 = FloatVector.broadcast(SPECIES, ScalarMath.LN2);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector inputGrad = fromMemorySegment(SPECIES, MEMORY, at + INPUT_GRAD, ORDER);
      FloatVector byInput = inputGrad.mul(fromMemorySegment(SPECIES, MEMORY, at + U, ORDER));
      ln2.fma(fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER), byInput)
          .intoMemorySegment(MEMORY, at + DELTA_GRAD, ORDER);
      FloatVector direct = skip.mul(fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER));
      inputGrad
          .fma(fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER), direct)
          .intoMemorySegment(MEMORY, at + INPUT_GRAD, ORDER);
    }
  }

  /** Takes the gradient of Δ out of the base 2, and adds the direct path's to that of u. */
  static void zohGrads(long column, long skipAt, int steps) {
    FloatVector skip = fromMemorySegment(SPECIES, MEMORY, skipAt & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER)
          .mul(ScalarMath.LN2)
          .intoMemorySegment(MEMORY, at + DELTA_GRAD, ORDER);
      FloatVector outGrad = fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER);
      skip.fma(outGrad, fromMemorySegment(SPECIES, MEMORY, at + INPUT_GRAD, ORDER))
          .intoMemorySegment(MEMORY, at + INPUT_GRAD, ORDER);
    }
  }

  /** Adds to the gradients of the direct path's weight and of the bias, a vector of channels. */
  static void sumGrads(long column, long skipGradAt, long biasGradAt, int steps) {
    FloatVector skipGrad = fromMemorySegment(SPECIES, MEMORY, skipGradAt & MASK, ORDER);
    FloatVector biasGrad = fromMemorySegment(SPECIES, MEMORY, biasGradAt & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      FloatVector outGrad = fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER);
      skipGrad = outGrad.fma(fromMemorySegment(SPECIES, MEMORY, at + U, ORDER), skipGrad);
      biasGrad = biasGrad.add(fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER));
    }
    skipGrad.intoMemorySegment(MEMORY, skipGradAt & MASK, ORDER);
    biasGrad.intoMemorySegment(MEMORY, biasGradAt & MASK, ORDER);
  }

  /** Makes the gradient of Δ one of dt, with the denominators of its slope in RAW. */
  static void softplusGrad(long column, int steps) {
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER)
          .div(fromMemorySegment(SPECIES, MEMORY, at + RAW, ORDER))
          .intoMemorySegment(MEMORY, at + DELTA_GRAD, ORDER);
    }
  }

  /** Makes the gradient of z of its factor. */
  static void gateFactorGrad(long column, int steps) {
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      fromMemorySegment(SPECIES, MEMORY, at + Z, ORDER)
          .mul(fromMemorySegment(SPECIES, MEMORY, at + OUT, ORDER))
          .intoMemorySegment(MEMORY, at + Z, ORDER);
    }
  }
}
