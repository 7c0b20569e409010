package io.github.mamba4j.cuda.emulator;

/** A place where warps wait for each other. */
final class Barrier {
  /** What a reduction at a barrier is given and writes. */
  interface Result {
    /** Takes the number of threads whose predicate holds and the number of all threads. */
    void put(int trues, int threads);
  }

  private final Block block;
  private final int id;
  private final Result[] results;
  private int arrived;
  private int waiting;
  private int threads;
  private int expected;
  private int trues;
  private int participants;

  Barrier(Block block, int id) {
    this.id = id;
    this.block = block;
    this.results = new Result[block.warps.length];
  }

  void reset() {
    arrived = 0;
    waiting = 0;
    threads = 0;
    expected = 0;
    trues = 0;
    participants = 0;
  }

  /**
   * Registers a warp.
   *
   * @param count threads to wait for, a multiple of a warp's, or 0 for all
   * @param waits whether the warp waits for the others
   */
  void arrive(Warp warp, int lanes, int count, boolean waits) {
    if (lanes != warp.live) {
      int missing = warp.live & ~lanes;
      throw warp.fault(
          Warp.lowest(lanes), "diverged: lanes " + Warp.hex(missing) + " are not at this barrier");
    }
    if (count % Warp.LANES != 0 || (arrived != 0 && expected != count)) {
      throw warp.fault(Warp.lowest(lanes), "waits for " + count + " threads, others " + expected);
    }
    if ((arrived >>> warp.index & 1) != 0) {
      throw warp.fault(Warp.lowest(lanes), "arrives twice at a barrier that is not complete");
    }
    expected = count;
    arrived |= 1 << warp.index;
    threads += Warp.LANES;
    if (waits) {
      waiting |= 1 << warp.index;
      warp.waiting = id;
    }
    check();
  }

  /** Registers a warp that takes part in a reduction, before it arrives. */
  void contribute(Warp warp, int holding, int lanes, Result result) {
    results[warp.index] = result;
    trues += Integer.bitCount(holding);
    participants += Integer.bitCount(lanes);
  }

  /** Opens if all are there. */
  void check() {
    if (arrived == 0) {
      return;
    }
    if (expected > 0 ? threads < expected : !allArrived()) {
      return;
    }
    int[] joined = new int[block.warps.length];
    for (Warp warp : block.warps) {
      if ((arrived >>> warp.index & 1) != 0) {
        for (int i = 0; i < joined.length; i++) {
          joined[i] = Math.max(joined[i], warp.clocks[i]);
        }
      }
    }
    for (Warp warp : block.warps) {
      if ((waiting >>> warp.index & 1) != 0) {
        System.arraycopy(joined, 0, warp.clocks, 0, joined.length);
        warp.waiting = -1;
      }
      if ((arrived >>> warp.index & 1) != 0) {
        warp.clocks[warp.index]++;
      }
      Result result = results[warp.index];
      if (result != null) {
        result.put(trues, participants);
        results[warp.index] = null;
      }
    }
    reset();
  }

  private boolean allArrived() {
    for (Warp warp : block.warps) {
      if (warp.live != 0 && (arrived >>> warp.index & 1) == 0) {
        return false;
      }
    }
    return true;
  }
}
