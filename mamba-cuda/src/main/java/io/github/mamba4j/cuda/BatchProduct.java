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

  /** Stages of a warp's ring, even where a warp has one chunk: smaller blocks begin in heaps. */
  private static final int LEAST_STAGES = 2;

  private static final int FEW_WARPS = 4;
  private static final int MANY_WARPS = 8;
  private static final int MOST_WARPS = 12;

  /** Chunks beyond which a block's warps are those for which there is room. */
  private static final int MOST_CHUNKS_IN = 24;

  private static final int MOST_CHUNKS_OUT = 64;

  /** Sums of a tile with a group that a thread has registers for, and where warps are many. */
  private static final int MOST_SUMS = 40;

  private static final int MOST_SUMS_OF_MANY = 24;

  /** Products that are under way at once before one waits for another. */
  private static final int CHAINS = 8;

  /** Groups of sequences that a thread has registers for at a time. */
  private static final int MOST_BATCH = 4;

  /** Sets of sums where tiles and groups are few. */
  private static final int SETS = 4;

  /** Shared memory that a GPU takes for itself of each block. */
  private static final int RESERVED = 1 << 10;

  /** What becomes of a product. */
  enum Part {
    IN(5, false),
    PROJECT(2, true),
    OUT(5, false),
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
      return switch (part) {
        case IN -> chunks() > MOST_CHUNKS_IN ? FEW_WARPS : alike(MANY_WARPS);
        case PROJECT -> MANY_WARPS;
        case OUT -> chunks() > MOST_CHUNKS_OUT ? MANY_WARPS : alike(MOST_WARPS);
        case ROWS -> FEW_WARPS;
      };
    }

    /** Returns the fewest warps, at most so many, that have as few chunks each. */
    private int alike(int most) {
      return Math.max(FEW_WARPS, Math.ceilDiv(chunks(), Math.ceilDiv(chunks(), most)));
    }

    /** Returns the sets of sums of a warp, of which the order of sums depends, too. */
    private int sets() {
      return part == Part.OUT && chunks() <= MOST_CHUNKS_OUT ? SETS : 1;
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
      int sums = turns * SUMS * warps() * warps();
      return restBytes(tiles, groups) + Math.max(stages * stageBytes(tiles, groups), sums);
    }

    /** Returns whether a block can have so much. */
    private boolean fits(int tiles, int groups, Launcher launcher) {
      int most = warps() > MANY_WARPS ? MOST_SUMS_OF_MANY : MOST_SUMS;
      return tiles * groups * sets() <= most
          && bytes(tiles, groups, LEAST_STAGES) <= launcher.sharedBytes();
    }

    /** Returns how many blocks of so many there are. */
    private Blocks blocks(int tiles, int groups) {
      int rowTiles = Math.ceilDiv(n, TILE);
      return new Blocks(
          Math.ceilDiv(rowTiles, tiles),
          Math.ceilDiv(Math.ceilDiv(sequences, GROUP), groups),
          slices);
    }

    /**
     * Returns what the busiest multiprocessor loads. The small projection leaves two fifths of them
     * to the scan's blocks, which ask for their states meanwhile.
     */
    private long cost(int tiles, int groups, Launcher launcher) {
      Blocks blocks = blocks(tiles, groups);
      int room = launcher.multiprocessors();
      room = part == Part.PROJECT ? Math.ceilDiv(room * 3, 5) : room;
      int all = blocks.ofRows * blocks.ofSequences * blocks.ofColumns;
      return (long) Math.ceilDiv(all, room) * stageBytes(tiles, groups);
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
   * Cuts a product so that the multiprocessor with the most to load has the least, for each block
   * reads all of its weights and sequences.
   *
   * @param work what there is to multiply
   * @param launcher where it runs
   */
  static BatchProduct of(Work work, Launcher launcher) {
    int rowTiles = Math.ceilDiv(work.n, TILE);
    int all = Math.ceilDiv(work.sequences, GROUP);
    int enough = Math.min(MOST_GROUPS, Integer.highestOneBit(2 * all - 1));
    int tiles = 1;
    int groups = 1;
    long least = Long.MAX_VALUE;
    for (int someTiles = 1; someTiles <= work.part.mostTiles; someTiles++) {
      boolean whole = work.part.mayEndInside || rowTiles % someTiles == 0;
      for (int someGroups = 1; someGroups <= enough && whole; someGroups *= 2) {
        long cost = work.cost(someTiles, someGroups, launcher);
        if (cost < least && work.fits(someTiles, someGroups, launcher)) {
          least = cost;
          tiles = someTiles;
          groups = someGroups;
        }
      }
    }
    int half = half(launcher);
    int stages = work.stages(tiles, groups, half);
    if (stages < LEAST_STAGES || work.bytes(tiles, groups, stages) > half) {
      stages = work.stages(tiles, groups, launcher.sharedBytes());
    }
    int bytes = work.bytes(tiles, groups, stages);
    return new BatchProduct(work, tiles, groups, work.blocks(tiles, groups), stages, bytes);
  }

  /**
   * Returns the kernel.
   *
   * @param early whether it begins before the one before has ended
   */
  Kernel kernel(boolean early) {
    int batch = 1;
    while (2 * batch <= Math.min(groups, MOST_BATCH) && tiles * batch < CHAINS) {
      batch *= 2;
    }
    Map<String, String> form =
        Map.of(
            "PART", work.part.form(),
            "W", Vectors.type(work.weights),
            "TILES", String.valueOf(tiles),
            "R", String.valueOf(groups),
            "BATCH", String.valueOf(batch),
            "SETS", String.valueOf(work.sets()),
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
