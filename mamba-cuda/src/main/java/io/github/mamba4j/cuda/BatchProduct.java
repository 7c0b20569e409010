package io.github.mamba4j.cuda;

import java.util.Map;

/**
 * How a product of {@code mamba_batch.ptx} is cut into blocks; its results do not depend on it.
 *
 * @param part what becomes of it
 * @param weights the type of the weights, as forms call it
 * @param tiles tiles of 16 rows of weights of a block
 * @param groups groups of eight sequences of a block
 * @param blocks blocks along the rows of weights
 * @param blocksOfGroups blocks along the sequences
 * @param stages stages of a warp's ring
 * @param sharedBytes shared memory of a block
 */
record BatchProduct(
    String part,
    String weights,
    int tiles,
    int groups,
    int blocks,
    int blocksOfGroups,
    int stages,
    int sharedBytes) {
  static final int THREADS = 256;

  /** Columns of weights that a warp takes at a time. */
  static final int CHUNK = 32;

  /** Rows of weights, and sequences, that the tensor cores take at a time. */
  static final int TILE = 16;

  static final int GROUP = 8;

  private static final int WARPS = 8;
  private static final int MOST_GROUPS = 8;
  private static final int PIECE = 512;
  private static final int SUMS = 5120;
  private static final int LEAST_STAGES = 2;

  /** Shared memory that a GPU takes for itself of each block. */
  private static final int RESERVED = 1 << 10;

  /**
   * What there is to multiply.
   *
   * @param part what becomes of it
   * @param weights the type of the weights, as forms call it
   * @param n rows of weights
   * @param chunks chunks of a slice of their columns
   * @param slices slices of their columns
   * @param sequences how many
   * @param mostTiles tiles of a block at most, a power of two
   * @param taps the convolution's, for the input projection
   */
  record Work(
      String part,
      String weights,
      int n,
      int chunks,
      int slices,
      int sequences,
      int mostTiles,
      int taps) {
    /** Returns the shared memory of a block beside what is multiplied. */
    private int restBytes(int tiles, int groups) {
      int items = groups * 32;
      return switch (part) {
        case "in" ->
            groups * 32 + tiles * (taps + 2) * 64 + (tiles + 1) / 2 * items * (taps - 1) * 16;
        case "out" -> tiles * 128 + tiles * items * 16;
        default -> 0;
      };
    }

    private int stageBytes(int tiles, int groups) {
      int ofRows = part.equals("project") ? 2 : 1;
      int pieces = tiles * 2 * (weights.equals("f32") ? 2 : 1) + groups * ofRows;
      return pieces * PIECE * WARPS;
    }

    private int bytes(int tiles, int groups, int stages) {
      int product = Math.max(stages * stageBytes(tiles, groups), tiles * groups * SUMS);
      return restBytes(tiles, groups) + product;
    }

    /** Returns how many stages fit, no more than a warp has use for. */
    private int stages(int tiles, int groups, int bytes) {
      int most = Math.max(LEAST_STAGES, Math.ceilDiv(chunks, WARPS));
      int left = bytes - restBytes(tiles, groups);
      return Math.min(most, left / stageBytes(tiles, groups));
    }
  }

  /**
   * Cuts a product: the fewest blocks that keep all multiprocessors busy, for each reads all of its
   * sequences or weights; two of them a multiprocessor if their rings have room for it.
   *
   * @param work what there is to multiply
   * @param launcher where it runs
   */
  static BatchProduct of(Work work, Launcher launcher) {
    int rowTiles = Math.ceilDiv(work.n, TILE);
    int most = launcher.multiprocessors();
    int tiles = 1;
    while (tiles < work.mostTiles && Math.ceilDiv(rowTiles, tiles) > most) {
      tiles *= 2;
    }
    int all = Math.ceilDiv(work.sequences, GROUP);
    int enough = Math.min(MOST_GROUPS, Integer.highestOneBit(2 * all - 1));
    int blocks = Math.ceilDiv(rowTiles, tiles);
    int groups = 1;
    while (groups < enough && blocks * work.slices * Math.ceilDiv(all, groups) > most) {
      groups *= 2;
    }
    while (groups > 1 && work.bytes(tiles, groups, LEAST_STAGES) > launcher.sharedBytes()) {
      groups /= 2;
    }
    tiles = Integer.getInteger("mamba.tiles." + work.part, tiles);
    groups = Math.min(enough, Integer.getInteger("mamba.groups." + work.part, groups));
    blocks = Math.ceilDiv(rowTiles, tiles);
    int half = Boolean.getBoolean("mamba.full") ? 0 : launcher.sharedBytes() / 2 - RESERVED;
    int stages = work.stages(tiles, groups, half);
    if (stages < LEAST_STAGES || work.bytes(tiles, groups, stages) > half) {
      stages = work.stages(tiles, groups, launcher.sharedBytes());
    }
    stages = Integer.getInteger("mamba.stages." + work.part, stages);
    return new BatchProduct(
        work.part,
        work.weights,
        tiles,
        groups,
        blocks,
        Math.ceilDiv(all, groups),
        stages,
        work.bytes(tiles, groups, stages));
  }

  /** Returns the kernel. */
  Kernel kernel(int taps, boolean early) {
    Map<String, String> form =
        Map.of(
            "PART", part,
            "W", weights,
            "TILES", String.valueOf(tiles),
            "R", String.valueOf(groups),
            "STAGES", String.valueOf(stages),
            "TAPS", String.valueOf(taps),
            "EARLY", early ? "1" : "0");
    return new Kernel(new PtxSource("mamba_batch", form), "batch_" + part);
  }

  /** Returns the blocks for so many slices of the columns. */
  Grid grid(int slices) {
    return new Grid(blocks, blocksOfGroups, slices, THREADS, 1, sharedBytes);
  }
}
