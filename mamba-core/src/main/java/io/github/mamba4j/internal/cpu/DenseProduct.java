package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/**
 * A product of matrices in a worker's memory, computed in register tiles: the right factor and the
 * result are dense rows in the worker's tile, the left factor may lie anywhere and either way
 * round. Offsets and strides are in floats.
 */
final class DenseProduct extends TileFactors {
  /** What of the product is known to be zero or not wanted. */
  enum Band {
    /** Nothing. */
    FULL,
    /** The left factor is zero above the diagonal. */
    LEFT_LOWER,
    /** The left factor is zero below the diagonal. */
    LEFT_UPPER,
    /** The result is not wanted below the diagonal. */
    OUT_UPPER
  }

  /** How a finished tile comes to the result. */
  enum Merge {
    /** It replaces what is there. */
    SET,
    /** It replaces what is there, each row times a factor. */
    SET_ROWS,
    /** It is added to what is there times a factor. */
    ADD,
    /** Each column is added times a factor; and its products with a matrix are summed. */
    ADD_COLUMNS
  }

  MemorySegment left = MemorySegment.NULL;
  long leftAt;
  long leftRow;
  long leftStep;
  long right;
  long rightStride;
  long out;
  long outStride;
  int rows;
  int columns;
  int steps;
  Band band = Band.FULL;
  Merge merge = Merge.SET;

  /** Factors of rows or columns, in the tile. */
  long factors;

  /** Factor of what is there. */
  float kept;

  /** The matrix whose products with the result are summed down the columns, and the sums. */
  MemorySegment weights = MemorySegment.NULL;

  long weightsAt;
  long weightsStride;
  long weighted;

  /** Sets the left factor: rows and steps of the sums at any distance. */
  DenseProduct left(MemorySegment memory, long at, long row, long step) {
    left = memory;
    leftAt = at;
    leftRow = row;
    leftStep = step;
    return this;
  }

  /** Sets the right factor, in the tile. */
  DenseProduct right(MemorySegment tile, long at, long stride) {
    packed = tile;
    right = at;
    rightStride = stride;
    return this;
  }

  /** Sets the size: rows and columns of the result, length of the sums. */
  DenseProduct size(int m, int n, int k) {
    rows = m;
    columns = n;
    steps = k;
    return this;
  }

  /** Sets where the result goes, in the tile, and what part of it is computed. */
  DenseProduct to(long at, long stride, Band part) {
    out = at;
    outStride = stride;
    band = part;
    return this;
  }

  /** Forgets the operands, so that an idle worker keeps no tensor alive. */
  void release() {
    left = MemorySegment.NULL;
    packed = MemorySegment.NULL;
    weights = MemorySegment.NULL;
  }
}
