package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** One register tile of a matrix product: what differs from the tile before. */
final class RegisterTile {
  /** Memory of the left factor. */
  MemorySegment left = MemorySegment.NULL;

  /** Where the sums of the tile's first row start in it, in bytes. */
  long leftAt;

  /** Where the strip starts in the packed right factor, in bytes: what the sums begin with. */
  long strip;

  /** How many rows exist, at least 1. The others repeat the last one. */
  int rows;

  /** Forgets the memory, so that an idle worker keeps no tensor alive. */
  void release() {
    left = MemorySegment.NULL;
  }
}
