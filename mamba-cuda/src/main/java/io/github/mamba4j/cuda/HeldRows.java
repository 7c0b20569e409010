package io.github.mamba4j.cuda;

import java.util.Map;

/**
 * How a product of {@code held_rows.ptx} is cut into blocks; its results do not depend on it.
 *
 * @param groups groups of eight rows of x that a block holds
 * @param blocks along the rows of weights
 * @param layers along the rows of x
 * @param stages stages of a warp's ring
 * @param sharedBytes shared memory of a block
 */
record HeldRows(int groups, int blocks, int layers, int stages, int sharedBytes) {
  /** Rows of weights from which on each warp has several tiles of them. */
  private static final int LEAST_WIDTH = 4096;

  /** Columns up to which a large GPU's block holds 64 rows and copies enough weights ahead. */
  private static final int MOST_DEPTH = 1024;

  private static final int GROUP = 8;
  private static final int MOST_GROUPS = 8;
  private static final int CHUNK = 64;
  private static final int TILE = 16;
  private static final int WARPS = 8;
  private static final int THREADS = 32 * WARPS;
  private static final int LEAST_STAGES = 2;
  private static final int MOST_STAGES = 8;

  /** Bytes of a chunk of a group of rows, and of a stage of all warps. */
  private static final int GROUP_BYTES = GROUP * CHUNK * Short.BYTES;

  private static final int STAGE_BYTES = WARPS * TILE * CHUNK * Short.BYTES;

  /**
   * Returns whether this is the way to multiply, which the weights alone decide.
   *
   * @param width rows of weights
   * @param depth columns of weights
   */
  static boolean takes(int width, int depth) {
    return width >= LEAST_WIDTH && depth <= MOST_DEPTH;
  }

  /**
   * Cuts a product.
   *
   * @param rows rows of x
   * @param width rows of weights
   * @param depth columns of both
   * @param launcher where it runs
   */
  static HeldRows of(int rows, int width, int depth, Launcher launcher) {
    int chunks = Math.ceilDiv(depth, CHUNK);
    int all = Math.ceilDiv(rows, GROUP);
    int groups = Math.min(MOST_GROUPS, Integer.highestOneBit(2 * all - 1));
    while (groups > 1 && stages(groups, chunks, launcher) < LEAST_STAGES) {
      groups /= 2;
    }
    int stages = stages(groups, chunks, launcher);
    return new HeldRows(
        groups,
        Math.min(launcher.multiprocessors(), Math.ceilDiv(width, WARPS * TILE)),
        Math.ceilDiv(all, groups),
        stages,
        groups * chunks * GROUP_BYTES + stages * STAGE_BYTES);
  }

  /** Returns how many stages there is room for, an even number. */
  private static int stages(int groups, int chunks, Launcher launcher) {
    int left = launcher.sharedBytes() - groups * chunks * GROUP_BYTES;
    return Math.min(MOST_STAGES, left / STAGE_BYTES / 2 * 2);
  }

  /** Returns the kernel. */
  Kernel kernel() {
    Map<String, String> form =
        Map.of("R", String.valueOf(groups), "STAGES", String.valueOf(stages));
    return new Kernel(new PtxSource("held_rows", form), "held_rows");
  }

  /** Returns the blocks. */
  Grid grid() {
    return new Grid(blocks, layers, 1, THREADS, 1, sharedBytes);
  }
}
