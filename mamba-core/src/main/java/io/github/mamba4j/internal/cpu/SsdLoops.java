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

  /* How the sums of a register tile come to the result; its first element there is given. */

  /** {@code to = sums}. */
  void setTile(DenseProduct product, long to, int rows, int width);

  /** {@code to = sums}, rows times factors. */
  void setTileRows(DenseProduct product, long to, long factors, int rows, int width);

  /** {@code to = kept·to + sums}. */
  void addTile(DenseProduct product, long to, int rows, int width);

  /** {@code to += sums}, columns times factors. */
  void addTileColumns(DenseProduct product, long to, long factors, int rows, int width);

  /** {@code to_j += Σ_i weights_ij·sums_ij}, with the weights' first element. */
  void sumTileProducts(DenseProduct product, long weightsAt, long to, int rows, int width);

  /** {@code x = 2^x}, also past the end to the next multiple of the lanes. */
  void powers(MemorySegment tile, long at, int n);

  /*
   * Matrices [s, l] of the pairs of steps of a chunk. Rows are computed from the vector of the
   * diagonal on; what is before it is left alone.
   */

  /** Decays between steps, {@code map = 2^(s_l − s_s)}, at most 1. */
  void decays(MemorySegment tile, long map, int chunk);

  /**
   * {@code map ·= pairs}.
   *
   * @param tile the worker's memory
   * @param map the matrix
   * @param pairs memory of the pairs, zeros below the diagonal
   * @param pairsAt where they begin
   * @param byStep true to multiply rows by Δ_s, too
   * @param chunk rows and columns
   */
  void mapPairs(
      MemorySegment tile, long map, MemorySegment pairs, long pairsAt, boolean byStep, int chunk);

  /** {@code grad ·= decays·Δ_s; sum += grad}. */
  void pairGrads(MemorySegment tile, long decays, long grad, long sum, int chunk);

  /**
   * Replaces gradients by what passes a step: {@code grad[s] = Σ_{r<s} (grad·pairs)[r]}.
   *
   * @param tile the worker's memory, PAIRS in it cleared before
   * @param grad the gradients
   * @param pairs memory of the pairs
   * @param pairsAt where they begin
   * @param chunk rows and columns
   */
  void passing(MemorySegment tile, long grad, MemorySegment pairs, long pairsAt, int chunk);

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
