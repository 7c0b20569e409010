package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops over time of a vector of channels that need no states: softplus, gate and their
 * gradients. The channels start at e.
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

  private VectorPointLoops() {}

  /**
   * Copies a vector of every row into a panel. Steps are the inner loop: it is short in
   * instructions, so that many rows are on their way from memory at a time. All arguments in bytes.
   */
  static void columnIn(
      MemorySegment source, long from, long stride, MemorySegment tile, long to, int rows) {
    source = offHeap(source);
    tile = offHeap(tile);
    for (int t = 0; t < rows; t++) {
      fromMemorySegment(SPECIES, source, from + t * stride, ORDER)
          .intoMemorySegment(tile, to + t * STEP, ORDER);
    }
  }

  /** Copies a vector of every row out of a panel. */
  static void columnOut(
      MemorySegment tile, long from, MemorySegment target, long to, long stride, int rows) {
    tile = offHeap(tile);
    target = offHeap(target);
    for (int t = 0; t < rows; t++) {
      fromMemorySegment(SPECIES, tile, from + t * STEP, ORDER)
          .intoMemorySegment(target, to + t * stride, ORDER);
    }
  }

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

  /** {@code raw = dt + bias}, and Δ the same. */
  static void addBias(MemorySegment tile, int steps, int chunk, int e, long biasAt) {
    tile = offHeap(tile);
    FloatVector bias = fromMemorySegment(SPECIES, tile, biasAt, ORDER);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector raw = fromMemorySegment(SPECIES, tile, at + RAW, ORDER).add(bias);
      raw.intoMemorySegment(tile, at + RAW, ORDER);
      raw.intoMemorySegment(tile, at + DELTA, ORDER);
    }
  }

  /** {@code Δ = softplus(Δ)}. */
  static void softplus(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long delta = (ScanTile.column(chunk, e) << 2) + DELTA;
    for (int t = 0; t < steps; t++) {
      VectorMath.softplus(fromMemorySegment(SPECIES, tile, delta + t * STEP, ORDER))
          .intoMemorySegment(tile, delta + t * STEP, ORDER);
    }
  }

  /** What enters the state, Δ·u, and the direct path. */
  static void inputs(MemorySegment tile, int steps, int chunk, int e, long skipAt) {
    tile = offHeap(tile);
    FloatVector skip = fromMemorySegment(SPECIES, tile, skipAt, ORDER);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector u = fromMemorySegment(SPECIES, tile, at + U, ORDER);
      u.mul(fromMemorySegment(SPECIES, tile, at + DELTA, ORDER))
          .intoMemorySegment(tile, at + INPUT, ORDER);
      u.mul(skip).intoMemorySegment(tile, at + OUT, ORDER);
    }
  }

  static void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states, int e) {
    tile = offHeap(tile);
    long sumAt = (ScanTile.deltaSum(chunk, width, states) + e) << 2;
    long column = ScanTile.column(chunk, e) << 2;
    FloatVector sum = fromMemorySegment(SPECIES, tile, sumAt, ORDER);
    for (int t = 0; t < steps; t++) {
      sum = sum.add(fromMemorySegment(SPECIES, tile, column + t * STEP + DELTA, ORDER));
    }
    sum.intoMemorySegment(tile, sumAt, ORDER);
  }

  static void gate(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      // Loaded before the gate: C2 of JDK 25 puts a z that waits for another load into an object.
      FloatVector out = fromMemorySegment(SPECIES, tile, at + OUT, ORDER);
      FloatVector gate = VectorMath.silu(fromMemorySegment(SPECIES, tile, at + Z, ORDER));
      out.mul(gate).intoMemorySegment(tile, at + OUT, ORDER);
    }
  }

  static void gateGrad(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector z = fromMemorySegment(SPECIES, tile, at + Z, ORDER);
      FloatVector sigmoid = VectorMath.sigmoid(z);
      FloatVector scaled = fromMemorySegment(SPECIES, tile, at + OUT_GRAD, ORDER).mul(sigmoid);
      FloatVector slope = z.fma(one.sub(sigmoid), one);
      scaled.mul(slope).intoMemorySegment(tile, at + Z, ORDER);
      scaled.mul(z).intoMemorySegment(tile, at + OUT_GRAD, ORDER);
    }
  }

  static void clearGrads(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    FloatVector zero = FloatVector.zero(SPECIES);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      zero.intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
      zero.intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
    }
  }

  /** Makes the gradient of Δ·u gradients of Δ and of u. */
  static void eulerGrads(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector inputGrad = fromMemorySegment(SPECIES, tile, at + INPUT_GRAD, ORDER);
      FloatVector throughStates =
          fromMemorySegment(SPECIES, tile, at + DELTA_GRAD, ORDER).mul(ScalarMath.LN2);
      FloatVector deltaGrad =
          inputGrad.fma(fromMemorySegment(SPECIES, tile, at + U, ORDER), throughStates);
      deltaGrad.intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
      inputGrad
          .mul(fromMemorySegment(SPECIES, tile, at + DELTA, ORDER))
          .intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
    }
  }

  /** Takes the gradient of Δ out of the base 2; that of u is complete. */
  static void zohGrads(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long at = (ScanTile.column(chunk, e) << 2) + DELTA_GRAD;
    for (int t = 0; t < steps; t++) {
      FloatVector throughStates =
          fromMemorySegment(SPECIES, tile, at + t * STEP, ORDER).mul(ScalarMath.LN2);
      throughStates.intoMemorySegment(tile, at + t * STEP, ORDER);
    }
  }

  /** Gradients through the direct path: of u, and of the path's weight. */
  static void skipGrads(MemorySegment tile, int steps, int chunk, int width, int states, int e) {
    tile = offHeap(tile);
    long skipGradAt = (ScanTile.skipGrad(chunk, width, states) + e) << 2;
    FloatVector skip =
        fromMemorySegment(SPECIES, tile, (ScanTile.skip(chunk, width, states) + e) << 2, ORDER);
    FloatVector skipGrad = fromMemorySegment(SPECIES, tile, skipGradAt, ORDER);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector outGrad = fromMemorySegment(SPECIES, tile, at + OUT_GRAD, ORDER);
      skipGrad = outGrad.fma(fromMemorySegment(SPECIES, tile, at + U, ORDER), skipGrad);
      FloatVector uGrad =
          skip.fma(outGrad, fromMemorySegment(SPECIES, tile, at + INPUT_GRAD, ORDER));
      uGrad.intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
    }
    skipGrad.intoMemorySegment(tile, skipGradAt, ORDER);
  }

  /** Makes the gradient of Δ one of dt. */
  static void softplusGrad(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector slope = VectorMath.sigmoid(fromMemorySegment(SPECIES, tile, at + RAW, ORDER));
      fromMemorySegment(SPECIES, tile, at + DELTA_GRAD, ORDER)
          .mul(slope)
          .intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
    }
  }

  /** Stores the gradients of dt and z in their places and sums that of the bias. */
  static void outerGrads(MemorySegment tile, int steps, int chunk, int e, long biasGradAt) {
    tile = offHeap(tile);
    FloatVector biasGrad = fromMemorySegment(SPECIES, tile, biasGradAt, ORDER);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector rawGrad = fromMemorySegment(SPECIES, tile, at + DELTA_GRAD, ORDER);
      biasGrad = biasGrad.add(rawGrad);
      rawGrad.intoMemorySegment(tile, at + RAW, ORDER);
      fromMemorySegment(SPECIES, tile, at + Z, ORDER)
          .mul(fromMemorySegment(SPECIES, tile, at + OUT, ORDER))
          .intoMemorySegment(tile, at + Z, ORDER);
    }
    biasGrad.intoMemorySegment(tile, biasGradAt, ORDER);
  }
}
