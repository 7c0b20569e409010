package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Rows of both factors whose dot products are computed together; the arguments of {@link
 * VectorDots}, kept by each worker and used again. Places and distances are in bytes.
 */
final class DotRows {
  /** Memory of the left factor's rows, 32-bit floats. */
  MemorySegment a = MemorySegment.NULL;

  long left;
  long leftApart;

  /** How many rows of the left factor exist. */
  int rows;

  /** Memory of the right factor's rows. */
  MemorySegment b = MemorySegment.NULL;

  long right;
  long rightApart;

  /** How many rows of the right factor, which are columns of the result, exist. */
  int columns;

  /** How many elements of each row are multiplied, whole vectors. */
  int elements;

  /** How rows of the right factor meet those of the left one. */
  VectorDotTask.Way way = VectorDotTask.Way.FLOATS;

  /** Whether half-precision weights can meet the left row, see {@link VectorWiden#scalePairs}. */
  boolean scaled;

  /** From a vector of 32-bit floats to the next, in bytes. */
  long step;

  /**
   * Returns where a row of the left factor starts in what {@link VectorAccess#reach} returns for
   * its memory; rows that do not exist repeat the last one.
   */
  long leftAt(int row) {
    return VectorAccess.place(a, left + Math.min(row, rows - 1) * leftApart);
  }

  /** Returns where a row of the right factor starts, likewise. */
  long rightAt(int column) {
    return VectorAccess.place(b, right + Math.min(column, columns - 1) * rightApart);
  }

  /** Forgets the memory, so that an idle worker keeps no tensor alive. */
  void release() {
    a = MemorySegment.NULL;
    b = MemorySegment.NULL;
  }
}
