package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** The inner loops of the scans of Mamba-2. Offsets and strides are in floats. */
interface SsdLoops {
  /**
   * One step of one state of a stretch of channels: {@code to = decay·from + input·b; out += c·to},
   * with decay, input and out in the tile, {@link SsdSteps#WIDTH} apart.
   *
   * @param from the state before
   * @param fromAt its first element
   * @param to the state after; may be the same elements
   * @param toAt its first element
   * @param tile decay, input and out
   * @param b element of B
   * @param c element of C
   * @param width channels
   */
  void step(
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width);

  /** Returns the columns of the widest register tile. */
  int stripFloats();

  /**
   * Computes a register tile of a product into the tile's sums.
   *
   * @param product the product, with its strides in bytes and its depth
   * @param left first element of the left factor
   * @param right first element of the right factor, in the tile
   * @param rows rows
   * @param width columns, {@link #stripFloats} or a half or a quarter
   */
  void tile(DenseProduct product, long left, long right, int rows, int width);

  /** Brings the sums of a register tile to the result, from a row and a column on. */
  void merge(DenseProduct product, int row, int column, int rows, int width);

  /** {@code Δ = softplus(raw)} of all steps of a chunk. */
  void stepSizes(MemorySegment tile, int chunk);

  /**
   * Decays between steps, {@code 2^(sign·(s_l − s))}, at most 1.
   *
   * @param tile the worker's memory
   * @param to where they go
   * @param high the sum s, rounded
   * @param low what the rounding left
   * @param sign 1 or −1
   * @param first the first step l, a multiple of the lanes
   * @param chunk end of the steps
   */
  void decays(MemorySegment tile, long to, float high, float low, float sign, int first, int chunk);

  /**
   * A row of the transposed map of a chunk: {@code map = pairs·DECAYS·delta}.
   *
   * @param tile the worker's memory
   * @param map the row
   * @param pairs memory of the pairs
   * @param pairsAt the row of the pairs
   * @param delta factor of the row
   * @param first the first step, a multiple of the lanes
   * @param chunk end of the steps
   */
  void mapRow(
      MemorySegment tile,
      long map,
      MemorySegment pairs,
      long pairsAt,
      float delta,
      int first,
      int chunk);

  /** A row of the gradients of pairs: {@code mapGrad ·= DECAYS·delta; pairGrad += mapGrad}. */
  void pairRow(MemorySegment tile, long mapGrad, long pairGrad, float delta, int first, int chunk);

  /** {@code to_i = factor_i · from_i} for dense rows in the tile; may be in place. */
  void scaleRows(MemorySegment tile, long from, long to, int rows, int width, long factors);

  /**
   * Transposes a matrix in the tile; rows and columns are multiples of the widest vector's lanes.
   *
   * @param tile the worker's memory
   * @param from the matrix, rows of {@code columns} elements
   * @param to the transposed matrix, rows of {@code rows} elements
   * @param rows rows
   * @param columns columns
   * @param room room for two squares
   */
  void transpose(MemorySegment tile, long from, long to, int rows, int columns, long room);
}
