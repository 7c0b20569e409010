package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import java.util.Locale;
import java.util.Map;

/**
 * How a product of {@code mamba_batch.ptx} is cut into blocks; its results do not depend on it.
 *
 * @param part what becomes of it
 * @param weights their type
 * @param tiles tiles of 16 rows of weights of a block
 * @param groups groups of eight sequences of a block
 * @param blocks along the rows of weights, along the sequences, and along their columns
 * @param stages stages of a warp's ring
 * @param sharedBytes shared memory of a block
 */
record BatchProduct(
    Part part, DType weights, int tiles, int groups, Blocks blocks, int stages, int sharedBytes) {
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

  /** Shared memory that a GPU takes for itself of each block. */
  private static final int RESERVED = 1 << 10;

  /** What becomes of a product. */
  enum Part {
    IN(4, 4),
    PROJECT(1, 8),
    OUT(2, 8),
    ROWS(4, 4);

    /** Tiles of a block for which there are registers, a power of two. */
    private final int mostTiles;

    private final int warps;

    Part(int mostTiles, int warps) {
      this.mostTiles = Integer.getInteger("mamba.most." + name().toLowerCase(Locale.ROOT), mostTiles);
      this.warps = Integer.getInteger("mamba.warps." + name().toLowerCase(Locale.ROOT), warps);
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

    /** Returns the shared memory of a block beside what is multiplied. */
    private int restBytes(int tiles, int groups) {
      int items = groups * WARP;
      return switch (part) {
        case IN -> groups * WARP + tiles * (taps + 2) * 64 + (tiles + 1) / 2 * items * (taps - 1) * 16;
        case OUT -> tiles * 128 + tiles * items * 16;
        default -> 0;
      };
    }

    private int stageBytes(int tiles, int groups) {
      int lines = part == Part.PROJECT && weights != DType.F32 ? 2 : 1;
      return (tiles * TILE + groups * GROUP * lines) * CHUNK * part.warps;
    }

    private int bytes(int tiles, int groups, int stages) {
      int turns = Math.ceilDiv(tiles * groups, part.warps);
      int sums = Math.min(2, turns) * SUMS * part.warps * part.warps;
      return restBytes(tiles, groups) + Math.max(stages * stageBytes(tiles, groups), sums);
    }

    /** Returns how many stages fit, no more than a warp has use for. */
    private int stages(int tiles, int groups, int bytes) {
      int most = Math.max(LEAST_STAGES, Math.ceilDiv(chunks(), part.warps));
      return Math.min(most, (bytes - restBytes(tiles, groups)) / stageBytes(tiles, groups));
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
    while (tiles < work.part.mostTiles && Math.ceilDiv(rowTiles, tiles) > most) {
      tiles *= 2;
    }
    tiles = Integer.getInteger("mamba.tiles." + work.part.form(), tiles);
    int all = Math.ceilDiv(work.sequences, GROUP);
    int enough = Math.min(MOST_GROUPS, Integer.highestOneBit(2 * all - 1));
    int blocks = Math.ceilDiv(rowTiles, tiles);
    int groups = 1;
    while (groups < enough && blocks * work.slices * Math.ceilDiv(all, groups) > most) {
      groups *= 2;
    }
    groups = Math.min(enough, Integer.getInteger("mamba.groups." + work.part.form(), groups));
    while (groups > 1 && work.bytes(tiles, groups, LEAST_STAGES) > launcher.sharedBytes()) {
      groups /= 2;
    }
    int half = launcher.sharedBytes() / 2 - RESERVED;
    int stages = work.stages(tiles, groups, half);
    if (stages < LEAST_STAGES || work.bytes(tiles, groups, stages) > half) {
      stages = work.stages(tiles, groups, launcher.sharedBytes());
    }
    stages = Integer.getInteger("mamba.stages." + work.part.form(), stages);
    return new BatchProduct(
        work.part,
        work.weights,
        tiles,
        groups,
        new Blocks(blocks, Math.ceilDiv(all, groups), work.slices),
        stages,
        work.bytes(tiles, groups, stages));
  }

  /**
   * Returns the kernel.
   *
   * @param taps the convolution's, for the input projection
   * @param early whether it begins before the one before has ended
   */
  Kernel kernel(int taps, boolean early) {
    Map<String, String> form =
        Map.of(
            "PART", part.form(),
            "W", Vectors.type(weights),
            "TILES", String.valueOf(tiles),
            "R", String.valueOf(groups),
            "WARPS", String.valueOf(part.warps),
            "STAGES", String.valueOf(stages),
            "TAPS", String.valueOf(taps),
            "EARLY", early ? "1" : "0");
    return new Kernel(new PtxSource("mamba_batch", form), "batch_" + part.form());
  }

  /** Returns the blocks. */
  Grid grid() {
    return new Grid(
        blocks.ofRows, blocks.ofSequences, blocks.ofColumns, WARP * part.warps, 1, sharedBytes);
  }
}
