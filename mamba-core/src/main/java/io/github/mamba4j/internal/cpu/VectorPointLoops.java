package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorMath.SPECIES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The loops over time of a vector of channels that need no states: softplus, gate and their
 * gradients. The channels start at e.
 */
final class VectorPointLoops {
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
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

  private static FloatVector load(MemorySegment tile, long bytes) {
    return FloatVector.fromMemorySegment(SPECIES, tile, bytes, ORDER);
  }

  /**
   * Copies a vector of every row into a panel. Steps are the inner loop: it is short in
   * instructions, so that many rows are on their way from memory at a time. All arguments in bytes.
   */
  static void columnIn(
      MemorySegment source, long from, long stride, MemorySegment tile, long to, int rows) {
    source = offHeap(source);
    tile = offHeap(tile);
    for (int t = 0; t < rows; t++) {
      load(source, from + t * stride).intoMemorySegment(tile, to + t * STEP, ORDER);
    }
  }

  /** Copies a vector of every row out of a panel. */
  static void columnOut(
      MemorySegment tile, long from, MemorySegment target, long to, long stride, int rows) {
    tile = offHeap(tile);
    target = offHeap(target);
    for (int t = 0; t < rows; t++) {
      load(tile, from + t * STEP).intoMemorySegment(target, to + t * stride, ORDER);
    }
  }

  /** {@code raw = dt + bias}, and Δ the same. */
  static void addBias(MemorySegment tile, int steps, int chunk, int e, long biasAt) {
    tile = offHeap(tile);
    FloatVector bias = load(tile, biasAt);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector raw = load(tile, at + RAW).add(bias);
      raw.intoMemorySegment(tile, at + RAW, ORDER);
      raw.intoMemorySegment(tile, at + DELTA, ORDER);
    }
  }

  /** {@code Δ = softplus(Δ)}. */
  static void softplus(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long delta = (ScanTile.column(chunk, e) << 2) + DELTA;
    for (int t = 0; t < steps; t++) {
      VectorMath.softplus(load(tile, delta + t * STEP))
          .intoMemorySegment(tile, delta + t * STEP, ORDER);
    }
  }

  /** What enters the state, Δ·u, and the direct path. */
  static void inputs(MemorySegment tile, int steps, int chunk, int e, long skipAt) {
    tile = offHeap(tile);
    FloatVector skip = load(tile, skipAt);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector u = load(tile, at + U);
      u.mul(load(tile, at + DELTA)).intoMemorySegment(tile, at + INPUT, ORDER);
      u.mul(skip).intoMemorySegment(tile, at + OUT, ORDER);
    }
  }

  static void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states, int e) {
    tile = offHeap(tile);
    long sumAt = (ScanTile.deltaSum(chunk, width, states) + e) << 2;
    long column = ScanTile.column(chunk, e) << 2;
    FloatVector sum = load(tile, sumAt);
    for (int t = 0; t < steps; t++) {
      sum = sum.add(load(tile, column + t * STEP + DELTA));
    }
    sum.intoMemorySegment(tile, sumAt, ORDER);
  }

  static void gate(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      // Loaded before the gate: C2 of JDK 25 puts a z that waits for another load into an object.
      FloatVector out = load(tile, at + OUT);
      FloatVector gate = VectorMath.silu(load(tile, at + Z));
      out.mul(gate).intoMemorySegment(tile, at + OUT, ORDER);
    }
  }

  static void gateGrad(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector z = load(tile, at + Z);
      FloatVector sigmoid = VectorMath.sigmoid(z);
      FloatVector scaled = load(tile, at + OUT_GRAD).mul(sigmoid);
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
      FloatVector inputGrad = load(tile, at + INPUT_GRAD);
      FloatVector throughStates = load(tile, at + DELTA_GRAD).mul(ScalarMath.LN2);
      FloatVector deltaGrad = inputGrad.fma(load(tile, at + U), throughStates);
      deltaGrad.intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
      inputGrad.mul(load(tile, at + DELTA)).intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
    }
  }

  /** Takes the gradient of Δ out of the base 2; that of u is complete. */
  static void zohGrads(MemorySegment tile, int steps, int chunk, int e) {
    tile = offHeap(tile);
    long at = (ScanTile.column(chunk, e) << 2) + DELTA_GRAD;
    for (int t = 0; t < steps; t++) {
      FloatVector throughStates = load(tile, at + t * STEP).mul(ScalarMath.LN2);
      throughStates.intoMemorySegment(tile, at + t * STEP, ORDER);
    }
  }

  /** Gradients through the direct path: of u, and of the path's weight. */
  static void skipGrads(MemorySegment tile, int steps, int chunk, int width, int states, int e) {
    tile = offHeap(tile);
    long skipGradAt = (ScanTile.skipGrad(chunk, width, states) + e) << 2;
    FloatVector skip = load(tile, (ScanTile.skip(chunk, width, states) + e) << 2);
    FloatVector skipGrad = load(tile, skipGradAt);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector outGrad = load(tile, at + OUT_GRAD);
      skipGrad = outGrad.fma(load(tile, at + U), skipGrad);
      FloatVector uGrad = skip.fma(outGrad, load(tile, at + INPUT_GRAD));
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
      FloatVector slope = VectorMath.sigmoid(load(tile, at + RAW));
      load(tile, at + DELTA_GRAD).mul(slope).intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
    }
  }

  /** Stores the gradients of dt and z in their places and sums that of the bias. */
  static void outerGrads(MemorySegment tile, int steps, int chunk, int e, long biasGradAt) {
    tile = offHeap(tile);
    FloatVector biasGrad = load(tile, biasGradAt);
    long column = ScanTile.column(chunk, e) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector rawGrad = load(tile, at + DELTA_GRAD);
      biasGrad = biasGrad.add(rawGrad);
      rawGrad.intoMemorySegment(tile, at + RAW, ORDER);
      load(tile, at + Z).mul(load(tile, at + OUT)).intoMemorySegment(tile, at + Z, ORDER);
    }
    biasGrad.intoMemorySegment(tile, biasGradAt, ORDER);
  }
}
