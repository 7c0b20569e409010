package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.StepKernels;
import java.util.Map;

/**
 * The sizes of {@code mamba_step.ptx}'s launch and what follows from them.
 *
 * @param shape of the step, of one sequence
 * @param layers how many there are
 * @param blocks of the launch
 * @param mostShared bytes of shared memory that a block may have
 * @param copies whether the GPU has an engine that copies to shared memory
 */
record StepPlan(StepKernels.Shape shape, int layers, int blocks, int mostShared, boolean copies) {
  static final int THREADS = 256;
  static final int WARPS = 8;

  /** Bytes of a message between blocks: a number, or two of 16 bits, and what it belongs to. */
  static final int MESSAGE = 8;

  /** Pointers of a layer. */
  static final int POINTERS = 14;

  /** Channels of a tile of the input projection, rows of one of the output projection. */
  static final int TILE = 16;

  /** The most tiles of the input projection that a block computes together. */
  private static final int MOST_TILES = 2;

  private static final int MOST_PROJECTED_BESIDE_TILES = 192;

  /** The most tiles of the output projection that a block may have. */
  private static final int MOST_OUT_TILES = 16;

  /** The most loads of messages that a thread has under way. */
  private static final int MOST_LOADS = 6;

  private static final int STAGE = 1024;
  private static final int LEAST_STAGES = 2;
  private static final int MOST_STAGES = 24;

  /** A piece that is copied is a multiple of what a warp loads at once. */
  private static final int LEAST_PIECE = 512;

  private static final int MOST_PIECE = 1536;
  private static final int PIECES = 4;
  private static final int LEAST_BATCHES = 2;
  private static final int MOST_BATCHES = 32;

  private int tilesIn() {
    return shape.dInner() / TILE;
  }

  private int tilesOut() {
    return shape.dModel() / TILE;
  }

  private int ownTiles() {
    return Math.ceilDiv(tilesIn(), blocks);
  }

  private int ownOutTiles() {
    return Math.ceilDiv(tilesOut(), blocks);
  }

  /** Returns the bytes of the messages of 16-bit numbers: what a product starts from. */
  long pairBytes(int numbers) {
    return sixteen((long) numbers * (MESSAGE / 2));
  }

  /** Returns the next multiple of 16, at which what is loaded whole begins. */
  static long sixteen(long bytes) {
    return Math.ceilDiv(bytes, 16) * 16;
  }

  /** With large projections to step sizes there are registers for one tile only. */
  private int tilesTogether() {
    return Math.min(shape.projected() > MOST_PROJECTED_BESIDE_TILES ? 1 : MOST_TILES, ownTiles());
  }

  /** Returns the loads of two messages of two numbers each that a thread needs. */
  private static int loads(int numbers) {
    return Math.min(MOST_LOADS, Math.ceilDiv(numbers, 4 * THREADS));
  }

  /** Returns the bytes of a row that the GPU copies at once; 0 if rows cannot be cut so. */
  private int piece() {
    int row = 2 * shape.dModel();
    int outRow = 2 * shape.dInner();
    for (int piece = MOST_PIECE; piece > 0; piece -= LEAST_PIECE) {
      if (row % piece == 0 && outRow % (2 * piece) == 0) {
        return piece;
      }
    }
    return 0;
  }

  /** Returns the shared memory beside the rings. */
  private int otherBytes() {
    int projected = THREADS * Float.BYTES;
    int squares = WARPS * Float.BYTES;
    int vectors = (shape.dModel() + shape.dInner()) * Short.BYTES;
    int values = ownTiles() * 2 * TILE * Float.BYTES;
    return projected + squares + (int) tableBytes() + vectors + values;
  }

  long tableBytes() {
    return sixteen((long) layers * POINTERS * Long.BYTES);
  }

  private int batches() {
    int each = batchBytes();
    return piece() == 0 ? 0 : Math.min(MOST_BATCHES, (mostShared - otherBytes()) / each);
  }

  /** Returns the bytes of a batch and its two barriers. */
  private int batchBytes() {
    return WARPS * PIECES * piece() + 2 * Long.BYTES;
  }

  private boolean isCopied() {
    return copies && batches() >= LEAST_BATCHES;
  }

  /** Returns the bytes of the warps' shares of rows of tiles that are computed together. */
  private int sumBytes() {
    return WARPS * Math.max(2 * tilesTogether(), ownOutTiles()) * TILE * Float.BYTES;
  }

  private int stages() {
    int room = (mostShared - otherBytes() - sumBytes()) / (STAGE * WARPS);
    return Math.min(MOST_STAGES, room);
  }

  private int ringBytes() {
    return isCopied() ? batches() * batchBytes() : WARPS * stages() * STAGE + sumBytes();
  }

  /** Returns the threads of a block: one warp more where one has weights copied. */
  int threads() {
    return isCopied() ? THREADS + 32 : THREADS;
  }

  /** Returns the shared memory of a block. */
  int sharedBytes() {
    return ringBytes() + otherBytes();
  }

  /** Returns whether there is room for what a block has. */
  boolean fits() {
    return ownOutTiles() <= MOST_OUT_TILES && (isCopied() || stages() >= LEAST_STAGES);
  }

  /** Returns what the kernel is made for beside the projections' types. */
  Map<String, Integer> form() {
    return Map.ofEntries(
        Map.entry("STATES", shape.dState()),
        Map.entry("RANK", shape.dtRank()),
        Map.entry("TAPS", shape.dConv()),
        Map.entry("TILES", tilesTogether()),
        Map.entry("OUT_TILES", ownOutTiles()),
        Map.entry("NORMED_LOADS", loads(shape.dModel())),
        Map.entry("GATED_LOADS", loads(shape.dInner())),
        Map.entry("RING", ringBytes()),
        Map.entry("BULK", isCopied() ? 1 : 0),
        Map.entry("PIECE", piece()),
        Map.entry("BATCHES", batches()),
        Map.entry("STAGES", stages()));
  }
}
