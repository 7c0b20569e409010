package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.internal.cpu.DenseProduct.Band;
import io.github.mamba4j.internal.cpu.DenseProduct.Merge;
import java.lang.foreign.MemorySegment;

/** Runs products in a worker's memory, tile after tile. */
final class DenseProducts {
  /** Rows of a tile. */
  static final int TILE_ROWS = 6;

  private final SsdLoops loops;

  DenseProducts(SsdLoops loops) {
    this.loops = loops;
  }

  /** {@code out = left · right}. */
  void set(DenseProduct product) {
    product.merge = Merge.SET;
    run(product);
  }

  /** {@code out = diag(factors) · left · right}, with the factors in the tile. */
  void setRows(DenseProduct product, long factors) {
    product.merge = Merge.SET_ROWS;
    product.factors = factors;
    run(product);
  }

  /** {@code out = kept · out + left · right}. */
  void add(DenseProduct product, float kept) {
    product.merge = Merge.ADD;
    product.kept = kept;
    run(product);
  }

  /**
   * {@code out += left · right · diag(factors)}, and {@code sums_j += Σ_i weights_ij · (left ·
   * right)_ij}.
   *
   * @param product the product
   * @param factors in the tile
   * @param weights memory of the weights, as large as the result
   * @param weightsAt their first element
   * @param stride distance of their rows
   * @param sums in the tile
   */
  void addColumns(
      DenseProduct product,
      long factors,
      MemorySegment weights,
      long weightsAt,
      long stride,
      long sums) {
    product.merge = Merge.ADD_COLUMNS;
    product.factors = factors;
    product.weights = weights;
    product.weightsAt = weightsAt;
    product.weightsStride = stride;
    product.weighted = sums;
    run(product);
  }

  /*
   * Longer than what the compiler inlines (325 bytes), and should stay so: with several products in
   * it a caller outgrows the compiler's limits, and its vectors end up in objects.
   */
  private void run(DenseProduct p) {
    p.tileRowBytes = p.leftRow * Float.BYTES;
    p.tileStepBytes = p.leftStep * Float.BYTES;
    for (int i = 0; i < p.rows; i += TILE_ROWS) {
      int rows = Math.min(TILE_ROWS, p.rows - i);
      int first = p.band == Band.LEFT_UPPER ? i : 0;
      int end = p.band == Band.LEFT_LOWER ? Math.min(p.steps, i + TILE_ROWS) : p.steps;
      p.depth = end - first;
      long left = p.leftAt + i * p.leftRow + first * p.leftStep;
      int width;
      for (int j = p.band == Band.OUT_UPPER ? SsdStage.first(i) : 0; j < p.columns; j += width) {
        width = loops.stripFloats();
        while (width > p.columns - j) {
          width /= 2;
        }
        loops.tile(p, left, p.right + first * p.rightStride + j, rows, width);
        long to = p.out + i * p.outStride + j;
        switch (p.merge) {
          case SET -> loops.setTile(p, to, rows, width);
          case SET_ROWS -> loops.setTileRows(p, to, p.factors + i, rows, width);
          case ADD -> loops.addTile(p, to, rows, width);
          case ADD_COLUMNS -> {
            loops.addTileColumns(p, to, p.factors + j, rows, width);
            long weights = p.weightsAt + i * p.weightsStride + j;
            loops.sumTileProducts(p, weights, p.weighted + j, rows, width);
          }
        }
      }
    }
    p.release();
  }
}
