package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** The factors of register tiles: what is the same for all tiles of a product. */
class TileFactors {
  /** Memory of the right factor, whose rows are contiguous. */
  MemorySegment packed = MemorySegment.NULL;

  /** Length of the sums. */
  int depth;

  /** Distance from one row of the left factor to the next, in bytes. */
  long tileRowBytes;

  /** Distance from one step of the sums to the next in the left factor, in bytes. */
  long tileStepBytes;
}
