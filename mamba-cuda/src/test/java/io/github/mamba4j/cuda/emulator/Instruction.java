package io.github.mamba4j.cuda.emulator;

/** A decoded instruction: what it reads and writes and what it does to the lanes of a warp. */
abstract class Instruction {
  private static final int[] NONE = {};

  Statement source = new Statement(Statement.Kind.TEXT, 0, "");

  /** The predicate that lanes are guarded by, or -1. */
  int guard = -1;

  boolean guardNegated;

  /** Registers that must have been written before. */
  int[] reads = NONE;

  int[] writes = NONE;

  /**
   * Runs for some lanes.
   *
   * @param lanes a bit for each lane that takes part; not zero
   */
  abstract void run(Warp warp, int lanes);
}
