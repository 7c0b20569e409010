package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;
import java.util.Map;

/**
 * How the backward scan of a shape is spread over a GPU, which follows from the shape alone.
 *
 * @param states states of a channel that a lane holds; four lanes share a channel
 * @param many true if a channel has more states than its lanes hold at a time
 * @param warps warps of a block, 16 channels each
 * @param blocks blocks that share the channels
 * @param groups groups of sequences, each a block's work from sequence to sequence; the batch if
 *     time is cut
 * @param chunks pieces that time is cut into
 * @param chunkTiles tiles of a chunk
 */
record ScanBackwardForm(
    int states, boolean many, int warps, int blocks, int groups, int chunks, int chunkTiles) {
  static final int TILE = CudaScanBackward.CHECKPOINT_STEPS;

  /** Warps that an SM has room for, and SMs of the GPUs that this is made for. */
  private static final int SLOTS = 8 * 132;

  private static final int WARP_CHANNELS = 16;
  private static final int USUAL_WARPS = 4;

  /** Below this a chunk costs more than it brings. */
  private static final int LEAST_CHUNK_TILES = 8;

  static ScanBackwardForm of(Shape shape) {
    return of(shape, USUAL_WARPS);
  }

  static ScanBackwardForm of(Shape shape, int warps) {
    int states = shape.dState() <= 4 ? 1 : shape.dState() <= 8 ? 2 : 4;
    if (shape.discretization() == Discretization.ZOH) {
      states = 2; // What it needs besides leaves registers for no more.
    }
    int blocks = Math.ceilDiv(shape.dInner(), warps * WARP_CHANNELS);
    int slots = SLOTS / warps;
    long work = (long) shape.batch() * blocks;
    int tiles = Math.ceilDiv(shape.length(), TILE);
    int cuts = Math.clamp(slots / work, 1, Math.max(1, tiles / LEAST_CHUNK_TILES));
    int chunkTiles = Math.ceilDiv(tiles, cuts);
    int rounds = Math.toIntExact(Math.ceilDiv(work, slots));
    return new ScanBackwardForm(
        states,
        shape.dState() > 4 * states,
        warps,
        blocks,
        Math.ceilDiv(shape.batch(), rounds),
        Math.ceilDiv(tiles, chunkTiles),
        chunkTiles);
  }

  /** Parts of batch and time that leave sums of their own. */
  int parts() {
    return groups * chunks;
  }

  /** Slabs of states that lanes hold one after the other. */
  int slabs(Shape shape) {
    return Math.ceilDiv(shape.dState(), 4 * states);
  }

  /**
   * The kernels for a type of activations of which so many may be read at once.
   *
   * @param adds whether gradients of activations are added to what is there
   */
  PtxSource source(Shape shape, DType type, int width, boolean adds) {
    return new PtxSource(
        "scan_backward",
        Map.of(
            "T", name(type),
            "RULE", shape.discretization() == Discretization.ZOH ? "zoh" : "euler",
            "S", String.valueOf(states),
            "MANY", many ? "1" : "0",
            "WIDTH", String.valueOf(width),
            "WARPS", String.valueOf(warps),
            "ADDS", adds ? "1" : "0"));
  }

  static PtxSource folds(DType type) {
    return new PtxSource("scan_backward_fold", Map.of("T", name(type)));
  }

  private static String name(DType type) {
    return switch (type) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      default -> throw new IllegalArgumentException("selectiveScan: activations of type " + type);
    };
  }

  /** The shared memory of a block, as the kernels lay it out. */
  int sharedBytes(DType type) {
    int element = type.blockBytes();
    boolean packed = type == DType.BF16 && states > 1;
    int warp = 6528 + 2048 * element + (many ? 3072 : 2560) + (packed ? 5120 : 0);
    int orders = packed ? 1 : states;
    int projections = 512 * states * orders + (many ? 0 : 256 * states * element);
    int diagonals = packed ? 8192 : 0;
    int productRow = packed ? warps * 32 * states + 16 : 256 * warps;
    return warps * warp + projections + diagonals + TILE * productRow + 16;
  }
}
