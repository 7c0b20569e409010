package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels.Shape;

/**
 * Where the parts of a chunk lie in a worker's memory. Channels of a head, steps and states are
 * padded to multiples of the widest vector's lanes with zeros that do no harm. Offsets are in
 * floats.
 */
final class SsdTile {
  /** Sums of a register tile, six rows of at most four of the widest vectors. */
  static final int SUMS = 0;

  /** Zeros, from which sums begin. */
  static final int ZERO = DenseProducts.TILE_ROWS * 4 * SsdCut.LANES;

  private static final int VECTORS = ZERO + 4 * SsdCut.LANES;

  /** Room of a vector of steps. */
  private static final int VECTOR = SsdCut.MAX_CHUNK + SsdCut.LANES;

  /** Δ before softplus. */
  static final int RAW = VECTORS;

  /** Δ, zero beyond the last step. */
  static final int DELTA = RAW + VECTOR;

  /** {@code s = Σ Δ·a·log₂e} up to and with a step, rounded; */
  static final int HIGH = DELTA + VECTOR;

  /** and what the rounding left. */
  static final int LOW = HIGH + VECTOR;

  /** {@code 2^s}, from before the chunk to a step. */
  static final int ENTER = LOW + VECTOR;

  /** {@code 2^(s_last − s)}, from a step to after the chunk. */
  static final int LEAVE = ENTER + VECTOR;

  /** {@code Δ·2^(s_last − s)}. */
  static final int INPUT = LEAVE + VECTOR;

  /** Backward: sums over the pairs of steps of what passes a step. */
  static final int PAIRS = INPUT + VECTOR;

  /** Backward: {@code Σ_n C·(h·dy)} with h from before the chunk. */
  static final int OUT_TERM = PAIRS + VECTOR;

  /** Backward: {@code Σ_n B·(g·x)} with g from after the chunk. */
  static final int IN_TERM = OUT_TERM + VECTOR;

  /** Backward: gradient of the logarithm of a step's decay. */
  static final int DECAY_GRAD = IN_TERM + VECTOR;

  private static final int MATRICES = DECAY_GRAD + VECTOR;

  private SsdTile() {}

  private static long width(Shape shape) {
    return SsdCut.roundUp(shape.headDim());
  }

  private static long chunkByWidth(Shape shape) {
    return SsdCut.chunk(shape) * width(shape);
  }

  private static long square(Shape shape) {
    return (long) SsdCut.chunk(shape) * SsdCut.chunk(shape);
  }

  private static long statesByChunk(Shape shape) {
    return (long) SsdCut.roundUp(shape.dState()) * SsdCut.chunk(shape);
  }

  /** x, [chunk, width]. */
  static long x() {
    return MATRICES;
  }

  /** Rows of x or of the result's gradient with factors, [chunk, width]. */
  static long scaled(Shape shape) {
    return x() + chunkByWidth(shape);
  }

  /** The result, or the gradient of x, [chunk, width]. */
  static long y(Shape shape) {
    return scaled(shape) + chunkByWidth(shape);
  }

  /** The transposed map from x to the result within the chunk, [chunk, chunk]. */
  static long map(Shape shape) {
    return y(shape) + chunkByWidth(shape);
  }

  /** The state, or the gradient of the state after the chunk, [dState, width]. */
  static long state(Shape shape) {
    return map(shape) + square(shape);
  }

  /** A second state. */
  static long otherState(Shape shape) {
    return state(shape) + shape.dState() * width(shape);
  }

  /** Size of the forward scan's tile. */
  static long forwardFloats(Shape shape) {
    return otherState(shape) + shape.dState() * width(shape);
  }

  /** Backward: gradient of the result, [chunk, width]. */
  static long outGrad(Shape shape) {
    return otherState(shape);
  }

  /** Backward: the same transposed, [width, chunk]. */
  static long outGradTurned(Shape shape) {
    return outGrad(shape) + chunkByWidth(shape);
  }

  /** Backward: x transposed, [width, chunk]. */
  static long xTurned(Shape shape) {
    return outGradTurned(shape) + chunkByWidth(shape);
  }

  /** Backward: gradient of the transposed map, [chunk, chunk]. */
  static long mapGrad(Shape shape) {
    return xTurned(shape) + chunkByWidth(shape);
  }

  /**
   * Backward: gradient of the transposed products of C and B, summed over heads, [chunk, chunk];
   * the gradients of the transposed B and C follow it, and these three are what partial sums hold.
   */
  static long pairGrad(Shape shape) {
    return mapGrad(shape) + square(shape);
  }

  /** Backward: gradient of the transposed B, summed over heads, [dState, chunk]. */
  static long bGrad(Shape shape) {
    return pairGrad(shape) + square(shape);
  }

  /** Backward: gradient of the transposed C, summed over heads, [dState, chunk]. */
  static long cGrad(Shape shape) {
    return bGrad(shape) + statesByChunk(shape);
  }

  /** Backward: room to transpose in. */
  static long backwardRoom(Shape shape) {
    return cGrad(shape) + statesByChunk(shape);
  }

  /** Backward: gradient of B or C, [chunk, dState]. */
  static long projectionGrad(Shape shape) {
    return backwardRoom(shape) + room();
  }

  /** Size of the backward scan's tile. */
  static long backwardFloats(Shape shape) {
    return projectionGrad(shape) + statesByChunk(shape);
  }

  private static long room() {
    return 2L * SsdCut.LANES * SsdCut.LANES;
  }

  /** Projections: rows of B or C, [chunk, dState]. */
  static long rows() {
    return MATRICES;
  }

  /** Projections: transposed B, [dState, chunk]. */
  static long b(Shape shape) {
    return rows() + statesByChunk(shape);
  }

  /** Projections: transposed C, [dState, chunk]. */
  static long c(Shape shape) {
    return b(shape) + statesByChunk(shape);
  }

  /** Projections: transposed products of C and B, [chunk, chunk]. */
  static long pairs(Shape shape) {
    return c(shape) + statesByChunk(shape);
  }

  /** Projections: room to transpose in. */
  static long projectionRoom(Shape shape) {
    return pairs(shape) + square(shape);
  }

  /** Size of the projections' tile. */
  static long projectionFloats(Shape shape) {
    return projectionRoom(shape) + room();
  }
}
