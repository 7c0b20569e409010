package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.StepKernels;
import java.util.Map;

/**
 * The sizes of {@code mamba_step.ptx}'s launch and what follows from them.
 *
 * @param shape of the step, of one sequence
 * @param layers how many there are
 * @param smallBytes of a weight of the projections to and from step sizes
 * @param blocks of the launch
 * @param mostShared bytes of shared memory that a block may have
 * @param copies whether the GPU has an engine that copies to shared memory
 */
record StepPlan(
    StepKernels.Shape shape,
    int layers,
    int smallBytes,
    int blocks,
    int mostShared,
    boolean copies) {
  static final int THREADS = 256;
  static final int WARPS = 8;

  /** Threads that add up what blocks projected to step sizes, B and C. */
  private static final int FOLDERS = 96;

  /** Bytes of a message between blocks: a number, or two of 16 bits, and what it belongs to. */
  static final int MESSAGE = 8;

  /** Pointers of a layer. */
  static final int POINTERS = 14;

  /** The most channels of a tile of the input projection, rows of one of the output projection. */
  static final int MOST_CHANNELS = 16;

  private static final int LEAST_CHANNELS = 8;

  /** The most registers of a thread for small weights and states. */
  private static final int MOST_WEIGHTS = 72;

  /** The most loads of messages that a lane has under way. */
  private static final int MOST_LOADS = 6;

  private static final int MOST_LOADS_BESIDE_STAGES = 4;

  private static final int STAGE = 1024;
  private static final int LEAST_STAGES = 2;
  private static final int MOST_STAGES = 24;

  /** Columns of which the eight warps have as many as a row of lanes multiplies at once. */
  private static final int LEAST_CUT = 256;

  /** The most pieces of a row. */
  private static final int MOST_CUTS = 4;

  /** What is copied at once is at most this part of the shared memory. */
  private static final int LEAST_ROOM = 5;

  /** And better this part of it. */
  private static final int ROOM = 9;

  private static final int LEAST_BATCHES = 2;
  private static final int MOST_BATCHES = 32;

  /** Returns the most tiles of the input projection that a block has. */
  private int ownTiles() {
    return Math.ceilDiv(shape.dInner() / channels(), blocks);
  }

  private int ownOutTiles() {
    return Math.ceilDiv(shape.dModel() / outRows(), blocks);
  }

  /** Returns the rows of a tile of the output projection: those of what is copied at once. */
  private int outRows() {
    return isCopied() ? channels() / cuts(shape.dInner()) : channels();
  }

  /** Returns the bytes of the messages of 16-bit numbers: what a product starts from. */
  long pairBytes(int numbers) {
    return sixteen((long) numbers * (MESSAGE / 2));
  }

  /** Returns the next multiple of 16, at which what is loaded whole begins. */
  static long sixteen(long bytes) {
    return Math.ceilDiv(bytes, 16) * 16;
  }

  /** Returns the tiles whose rows of the projection a thread has beside a channel's weights. */
  private int tilesTogether() {
    int room = Math.min(weightsBesideRows() / rowWeights(), THREADS / channels());
    return Math.clamp(room, 1, ownTiles());
  }

  /** Returns the registers that are left beside a channel's step-size weights, rates and states. */
  private int weightsBesideRows() {
    int ofSteps = Math.ceilDiv(shape.dtRank(), 16) * smallBytes;
    return MOST_WEIGHTS - ofSteps - shape.dState() / 2;
  }

  /** Returns the registers for a tile's row of the projection to step sizes, B and C. */
  private int rowWeights() {
    return channels() * smallBytes / Float.BYTES;
  }

  /** Returns the loads of two messages of two numbers each that a lane of eight warps needs. */
  private int loads(int numbers) {
    int most = isCopied() ? MOST_LOADS : MOST_LOADS_BESIDE_STAGES;
    return Math.min(most, Math.ceilDiv(numbers, 4 * THREADS));
  }

  /**
   * Returns the columns of a piece of a row that the GPU copies; 0 if rows cannot be cut for it:
   * long ones, of which there is room for many.
   */
  private int cut() {
    int found = 0;
    for (int cuts = 1; cuts <= MOST_CUTS; cuts *= 2) {
      int cut = shape.dModel() / cuts;
      if (shape.dModel() % (cuts * LEAST_CUT) == 0
          && hasFewPieces(shape.dInner(), cut)
          && LEAST_CHANNELS * rowBytes(cut) <= mostShared / LEAST_ROOM) {
        found = cut;
        if (LEAST_CHANNELS * rowBytes(cut) <= mostShared / ROOM) {
          break;
        }
      }
    }
    return found;
  }

  /** Returns whether a row has 1, 2 or 4 pieces. */
  private static boolean hasFewPieces(int row, int cut) {
    int cuts = row / cut;
    return row % cut == 0 && cuts <= MOST_CUTS && Integer.bitCount(cuts) == 1;
  }

  private int cuts(int row) {
    return row / cut();
  }

  private static int rowBytes(int columns) {
    return columns * Short.BYTES;
  }

  /**
   * Returns the channels of a tile: few where blocks have several, so that none has many more than
   * another.
   */
  int channels() {
    boolean isLarge = MOST_CHANNELS * rowBytes(shape.dModel()) > mostShared / LEAST_ROOM * 3 / 4;
    return isCopied() && isLarge ? LEAST_CHANNELS : MOST_CHANNELS;
  }

  private boolean isCopied() {
    return copies && cut() > 0;
  }

  /** Returns the warps that scan 8 channels each. */
  private int scanners() {
    return Math.min(WARPS, ownTiles() * channels() / 8);
  }

  /** Returns the shared memory beside the ring. */
  private int otherBytes() {
    int rows = (tilesTogether() + ownTiles()) * channels() + ownOutTiles() * outRows();
    int floats =
        WARPS * rows + scanners() * shape.projected() + 2 * WARPS + ownTiles() * channels();
    int numbers = Math.max(shape.dModel(), shape.dInner()) * Short.BYTES;
    return floats * Float.BYTES + (int) tableBytes() + numbers;
  }

  long tableBytes() {
    return sixteen((long) layers * POINTERS * Long.BYTES);
  }

  private int batches() {
    int room = mostShared - otherBytes();
    return isCopied() ? Math.min(MOST_BATCHES, room / batchBytes()) : 0;
  }

  /** Returns the bytes of a batch and its two barriers. */
  private int batchBytes() {
    return channels() * rowBytes(cut()) + 2 * Long.BYTES;
  }

  private int stages() {
    int room = (mostShared - otherBytes()) / (STAGE * WARPS);
    return Math.min(MOST_STAGES, room);
  }

  private int ringBytes() {
    return isCopied() ? batches() * batchBytes() : WARPS * stages() * STAGE;
  }

  /** Returns the threads of a block: one warp more where one has weights copied. */
  int threads() {
    return THREADS + FOLDERS + (isCopied() ? 32 : 0);
  }

  /** Returns the shared memory of a block. */
  int sharedBytes() {
    return ringBytes() + otherBytes();
  }

  /** Returns whether there is room for what a block has. */
  boolean fits() {
    boolean hasRing = isCopied() ? batches() >= LEAST_BATCHES : stages() >= LEAST_STAGES;
    return hasRing && ownOutTiles() * outRows() <= THREADS && weightsBesideRows() >= rowWeights();
  }

  /** Returns what the kernel is made for beside the projections' types. */
  Map<String, Integer> form() {
    return Map.ofEntries(
        Map.entry("STATES", shape.dState()),
        Map.entry("RANK", shape.dtRank()),
        Map.entry("TAPS", shape.dConv()),
        Map.entry("CHANNELS", channels()),
        Map.entry("TILES", tilesTogether()),
        Map.entry("OWN_TILES", ownTiles()),
        Map.entry("OUT_TILES", ownOutTiles()),
        Map.entry("OUT_ROWS", outRows()),
        Map.entry("SCANNERS", scanners()),
        Map.entry("CUT", isCopied() ? cut() : LEAST_CUT),
        Map.entry("IN_CUTS", isCopied() ? cuts(shape.dModel()) : 0),
        Map.entry("OUT_CUTS", isCopied() ? cuts(shape.dInner()) : 0),
        Map.entry("NORMED_LOADS", loads(shape.dModel())),
        Map.entry("GATED_LOADS", loads(shape.dInner())),
        Map.entry("RING", ringBytes()),
        Map.entry("BULK", isCopied() ? 1 : 0),
        Map.entry("BATCHES", batches()),
        Map.entry("STAGES", stages()));
  }
}
