package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** Loops over contiguous floats that several kernel families need. Indices are in elements. */
abstract class Rows {
  /** Columns of partial sums that one task folds, at least. */
  private static final int FOLD_COLUMNS = 64;

  /**
   * {@code y (+)= factor · x}.
   *
   * @param factor multiplies each element
   * @param x memory read
   * @param xStart its first element
   * @param y memory written; may be the same elements
   * @param yStart its first element
   * @param n number of elements
   * @param add true to add, false to overwrite
   */
  abstract void scale(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n, boolean add);

  /**
   * {@code y = a + factor · b}.
   *
   * @param a memory read
   * @param aStart its first element
   * @param factor multiplies each element of b
   * @param b memory read
   * @param bStart its first element
   * @param y memory written; may be the same elements as a or b
   * @param yStart its first element
   * @param n number of elements
   */
  abstract void sum(
      MemorySegment a,
      long aStart,
      float factor,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n);

  /**
   * {@code y (+)= a · b}.
   *
   * @param a memory read
   * @param aStart its first element
   * @param b memory read
   * @param bStart its first element
   * @param y memory written; may be the same elements as a or b
   * @param yStart its first element
   * @param n number of elements
   * @param add true to add, false to overwrite
   */
  abstract void product(
      MemorySegment a,
      long aStart,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add);

  /** Sets elements. */
  abstract void fill(float value, MemorySegment y, long yStart, int n);

  /** Returns the sum of elements. */
  abstract float sum(MemorySegment x, long xStart, int n);

  /** Returns the sum of the squares of elements. */
  abstract float squares(MemorySegment x, long xStart, int n);

  /** Returns {@code Σ a · b}. */
  abstract float dot(MemorySegment a, long aStart, MemorySegment b, long bStart, int n);

  /** {@code y = silu(x)}; y may be the same elements as x. */
  abstract void silu(MemorySegment x, long xStart, MemorySegment y, long yStart, int n);

  /** {@code y = silu'(x)}, the slope of SiLU; y may be the same elements as x. */
  abstract void siluSlope(MemorySegment x, long xStart, MemorySegment y, long yStart, int n);

  /** Returns how many columns one task folds, for {@link #fold} of {@code count} rows. */
  static int foldColumns(int count) {
    return Math.max(FOLD_COLUMNS, Tiles.SPAN / count / FOLD_COLUMNS * FOLD_COLUMNS);
  }

  /**
   * Sums rows into the first one, in pairs: the order depends on their number alone.
   *
   * @param partials memory of the rows, destroyed
   * @param start first element of the first row
   * @param stride elements between two rows
   * @param count number of rows, positive
   * @param n elements a row
   */
  final void fold(MemorySegment partials, long start, long stride, int count, int n) {
    for (int step = 1; step < count; step <<= 1) {
      for (int i = 0; i + step < count; i += 2 * step) {
        scale(1, partials, start + (i + step) * stride, partials, start + i * stride, n, true);
      }
    }
  }
}
