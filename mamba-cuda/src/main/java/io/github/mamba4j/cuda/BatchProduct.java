package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import java.util.Locale;
import java.util.Map;

/**
 * How a product of {@code mamba_batch.ptx} is cut into blocks; its results do not depend on it.
 *
 * @param work what there is to multiply
 * @param tiles tiles of 16 rows of weights of a block
 * @param groups groups of eight sequences of a block
 * @param blocks along the rows of weights, along the sequences, and along their columns
 * @param stages stages of a warp's ring
 * @param sharedBytes shared memory of a block
 */
record BatchProduct(Work work, int tiles, int groups, Blocks blocks, int stages, int sharedBytes) {
  /** Rows of weights, and sequences, that the tensor cores take at a time. */
  static final int TILE = 16;

  static final int GROUP = 8;

  private static final int WARP = 32;
  private static final int MOST_GROUPS = 8;

  /** Bytes of a row of weights that a warp takes at a time. */
  private static final int CHUNK = 128;

  /** Bytes of what a warp leaves of the sums of a tile with a group of sequences. */
  private static final int SUMS = 640;

  private static final int LEAST_STAGES = 2;
  private static final int FEW_WARPS = 4;
  private static final int MANY_WARPS = 8;

  /** Chunks beyond which the output projection's few warps would be too slow. */
  private static final int MOST_CHUNKS_OF_FEW = 64;

  /** Shared memory that a GPU takes for itself of each block. */
  private static final int RESERVED = 1 << 10;

  /** What becomes of a product. */
  enum Part {
    IN(5, false),
    PROJECT(1, true),
    OUT(2, false),
    ROWS(2, true);

    /** Tiles of a block for which there are registers, or beyond which it loses. */
    private final int mostTiles;

    /** Whether the last block's rows may reach behind the last. */
    private final boolean mayEndInside;

    Part(int mostTiles, boolean mayEndInside) {
      this.mostTiles = mostTiles;
      this.mayEndInside = mayEndInside;
    }

    private String form() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** How many blocks. */
  record Blocks(int ofRows, int ofSequences, int ofColumns) {}

  /**
   * What there is to multiply.
   *
   * @param part what becomes of it
   * @param weights their type
   * @param n rows of weights
   * @param k columns of weights
   * @param slices slices of their columns
   * @param sequences how many
   * @param taps the convolution's, for the input projection
   */
  record Work(Part part, DType weights, int n, int k, int slices, int sequences, int taps) {
    /** Returns the chunks of a slice. */
    int chunks() {
      return Math.ceilDiv(Math.ceilDiv(Math.toIntExact(weights.bytes(k)), CHUNK), slices);
    }

    /** Returns the warps of a block, of which the order of sums depends. */
    private int warps() {
      boolean many = part == Part.PROJECT || (part == Part.OUT && chunks() > MOST_CHUNKS_OF_FEW);
      return many ? MANY_WARPS : FEW_WARPS;
    }

    /** Returns the shared memory of a block beside what is multiplied. */
    private int restBytes(int tiles, int groups) {
      int items = groups * WARP;
      int inputs = (tiles + 1) / 2 * items * (taps - 1);
      return switch (part) {
        case IN -> items + tiles * (taps + 2) * 64 + inputs * 16;
        case OUT -> tiles * 128 + tiles * items * 16;
        default -> 0;
      };
    }

    private int stageBytes(int tiles, int groups) {
      int lines = part == Part.PROJECT && weights != DType.F32 ? 2 : 1;
      return (tiles * TILE + groups * GROUP * lines) * CHUNK * warps();
    }

    private int bytes(int tiles, int groups, int stages) {
      int turns = Math.ceilDiv(tiles * groups, warps());
      int sums = Math.min(2, turns) * SUMS * warps() * warps();
      return restBytes(tiles, groups) + Math.max(stages * stageBytes(tiles, groups), sums);
    }

    /** Returns the fewest tiles of a block that leave no multiprocessor two, or the most. */
    private int tiles(int rowTiles, Launcher launcher) {
      int tiles = 1;
      for (int more = 2;
          more <= part.mostTiles && Math.ceilDiv(rowTiles, tiles) > launcher.multiprocessors();
          more++) {
        boolean fits = bytes(more, 1, LEAST_STAGES) <= launcher.sharedBytes();
        if (fits && (part.mayEndInside || rowTiles % more == 0)) {
          tiles = more;
        }
      }
      return tiles;
    }

    /** Returns for how many blocks there is room at once, at most two a multiprocessor. */
    private int mostBlocks(int tiles, int groups, Launcher launcher) {
      boolean two = bytes(tiles, groups, LEAST_STAGES) <= half(launcher);
      return (two ? 2 : 1) * launcher.multiprocessors();
    }

    /** Returns how many stages fit, no more than a warp has use for. */
    private int stages(int tiles, int groups, int bytes) {
      int most = Math.max(LEAST_STAGES, Math.ceilDiv(chunks(), warps()));
      return Math.min(most, (bytes - restBytes(tiles, groups)) / stageBytes(tiles, groups));
    }
  }

  /** Returns the shared memory of each of two blocks of a multiprocessor. */
  private static int half(Launcher launcher) {
    return launcher.sharedBytes() / 2 - RESERVED;
  }

  /**
   * Cuts a product: as many blocks as there is room for at once, of the fewest tiles and then the
   * fewest sequences, for each block reads all of its weights and sequences.
   *
   * @param work what there is to multiply
   * @param launcher where it runs
   */
  static BatchProduct of(Work work, Launcher launcher) {
    int rowTiles = Math.ceilDiv(work.n, TILE);
    int tiles = work.tiles(rowTiles, launcher);
    int blocks = Math.ceilDiv(rowTiles, tiles);
    int all = Math.ceilDiv(work.sequences, GROUP);
    int enough = Math.min(MOST_GROUPS, Integer.highestOneBit(2 * all - 1));
    int groups = 1;
    while (groups < enough
        && blocks * work.slices * Math.ceilDiv(all, groups)
            > work.mostBlocks(tiles, groups, launcher)
        && work.bytes(tiles, 2 * groups, LEAST_STAGES) <= launcher.sharedBytes()) {
      groups *= 2;
    }
    int half = half(launcher);
    int stages = work.stages(tiles, groups, half);
    if (stages < LEAST_STAGES || work.bytes(tiles, groups, stages) > half) {
      stages = work.stages(tiles, groups, launcher.sharedBytes());
    }
    return new BatchProduct(
        work,
        tiles,
        groups,
        new Blocks(blocks, Math.ceilDiv(all, groups), work.slices),
        stages,
        work.bytes(tiles, groups, stages));
  }

  /**
   * Returns the kernel.
   *
   * @param early whether it begins before the one before has ended
   */
  Kernel kernel(boolean early) {
    Map<String, String> form =
        Map.of(
            "PART", work.part.form(),
            "W", Vectors.type(work.weights),
            "TILES", String.valueOf(tiles),
            "R", String.valueOf(groups),
            "WARPS", String.valueOf(work.warps()),
            "STAGES", String.valueOf(stages),
            "TAPS", String.valueOf(work.part == Part.IN ? work.taps : 1),
            "EARLY", early ? "1" : "0");
    return new Kernel(new PtxSource("mamba_batch", form), "batch_" + work.part.form());
  }

  /** Returns the blocks. */
  Grid grid() {
    return new Grid(
        blocks.ofRows, blocks.ofSequences, blocks.ofColumns, WARP * work.warps(), 1, sharedBytes);
  }
}
