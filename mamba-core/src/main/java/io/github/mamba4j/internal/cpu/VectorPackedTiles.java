package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.FLOAT;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.positive;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Register tiles of a product whose right factor is packed into strips in {@link
 * VectorStripMemory}: six rows by four, two or one vectors, as in {@link VectorTiles}. The sums go
 * to a worker's slot in {@link VectorTileMemory}.
 *
 * <p>The distances from step to step are constants, one float on the left and the strip's width on
 * the right: the compiler then drops the bounds checks of the loop. Without any, though, it loads
 * everything that a step needs first and runs out of registers. So one or two rows are reached by a
 * pointer of their own, which moves by a distance that the compiler does not know. The check that
 * stays before such a row's load has to see the sums of the rows before it, and what is loaded for
 * them is done with.
 */
final class VectorPackedTiles {
  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final MemorySegment STRIPS = VectorStripMemory.MEMORY;
  private static final MemorySegment TILES = VectorTileMemory.MEMORY;

  /** Columns of the widest tile. */
  static final int WIDE = VectorTiles.STRIP_VECTORS * LANES;

  private static final long WIDE_BYTES = (long) WIDE * Float.BYTES;

  private VectorPackedTiles() {}

  /**
   * Computes a tile that is four, two or one vectors wide.
   *
   * @param factors what is the same for all tiles; {@code tileStepBytes} is the size of a float
   * @param tile which tile
   * @param strip where its strip starts in the memory of strips, in bytes
   * @param sums where its sums go in the memory of tiles, in bytes
   * @param width its columns
   */
  static void run(TileFactors factors, RegisterTile tile, long strip, long sums, int width) {
    if (width == 4 * LANES) {
      four(factors, tile, strip, sums);
    } else if (width == 2 * LANES) {
      two(factors, tile, strip, sums);
    } else {
      one(factors, tile, strip, sums);
    }
  }

  /** Copies the rows of a tile of the greatest width out of the memory of tiles. */
  static void copyWide(long sums, MemorySegment out, long outAt, long outRowBytes, int rows) {
    outAt = place(out, outAt);
    out = reach(out);
    for (int i = 0; i < rows; i++) {
      long from = (sums + i * WIDE_BYTES) & VectorTileMemory.MASK;
      long to = positive(outAt + i * outRowBytes);
      fromMemorySegment(SPECIES, TILES, from, ORDER).intoMemorySegment(out, to, ORDER);
      fromMemorySegment(SPECIES, TILES, from + BYTES, ORDER)
          .intoMemorySegment(out, to + BYTES, ORDER);
      if (VectorTiles.STRIP_VECTORS == 4) {
        fromMemorySegment(SPECIES, TILES, from + 2 * BYTES, ORDER)
            .intoMemorySegment(out, to + 2 * BYTES, ORDER);
        fromMemorySegment(SPECIES, TILES, from + 3 * BYTES, ORDER)
            .intoMemorySegment(out, to + 3 * BYTES, ORDER);
      }
    }
  }

  /** Packs rows of the greatest width side by side. */
  static void packWide(
      MemorySegment from, long source, long stride, MemorySegment to, long target, int rows) {
    source = place(from, source);
    from = reach(from);
    target = place(to, target);
    to = reach(to);
    for (int i = 0; i < rows; i++) {
      long in = positive(source + i * stride);
      long out = target + i * WIDE_BYTES;
      fromMemorySegment(SPECIES, from, in, ORDER).intoMemorySegment(to, out, ORDER);
      fromMemorySegment(SPECIES, from, in + BYTES, ORDER).intoMemorySegment(to, out + BYTES, ORDER);
      if (VectorTiles.STRIP_VECTORS == 4) {
        fromMemorySegment(SPECIES, from, in + 2 * BYTES, ORDER)
            .intoMemorySegment(to, out + 2 * BYTES, ORDER);
        fromMemorySegment(SPECIES, from, in + 3 * BYTES, ORDER)
            .intoMemorySegment(to, out + 3 * BYTES, ORDER);
      }
    }
  }

  /** Four vectors wide: 24 sums, four of the right factor and up to four of the left. */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  private static void four(TileFactors factors, RegisterTile tile, long strip, long sums) {
    MemorySegment a = offHeap(tile.left);
    int depth = factors.depth;
    int last = tile.rows - 1;
    long a0 = tile.leftAt;
    long a1 = a0 + Math.min(1, last) * factors.tileRowBytes;
    long a2 = a0 + Math.min(2, last) * factors.tileRowBytes;
    long a3 = a0 + Math.min(3, last) * factors.tileRowBytes;
    long a4 = a0 + Math.min(4, last) * factors.tileRowBytes;
    long a5 = a0 + Math.min(5, last) * factors.tileRowBytes;
    long q3 = a3;
    long step = factors.tileStepBytes;
    long first = strip & VectorStripMemory.MASK;
    FloatVector c00 = fromMemorySegment(SPECIES, STRIPS, first + 0 * BYTES, ORDER);
    FloatVector c01 = fromMemorySegment(SPECIES, STRIPS, first + 1 * BYTES, ORDER);
    FloatVector c02 = fromMemorySegment(SPECIES, STRIPS, first + 2 * BYTES, ORDER);
    FloatVector c03 = fromMemorySegment(SPECIES, STRIPS, first + 3 * BYTES, ORDER);
    FloatVector c10 = c00;
    FloatVector c11 = c01;
    FloatVector c12 = c02;
    FloatVector c13 = c03;
    FloatVector c20 = c00;
    FloatVector c21 = c01;
    FloatVector c22 = c02;
    FloatVector c23 = c03;
    FloatVector c30 = c00;
    FloatVector c31 = c01;
    FloatVector c32 = c02;
    FloatVector c33 = c03;
    FloatVector c40 = c00;
    FloatVector c41 = c01;
    FloatVector c42 = c02;
    FloatVector c43 = c03;
    FloatVector c50 = c00;
    FloatVector c51 = c01;
    FloatVector c52 = c02;
    FloatVector c53 = c03;
    for (int p = 0; p < depth; p++) {
      long row = (strip + (p + 1) * (4 * BYTES)) & VectorStripMemory.MASK;
      FloatVector b0 = fromMemorySegment(SPECIES, STRIPS, row + 0 * BYTES, ORDER);
      FloatVector b1 = fromMemorySegment(SPECIES, STRIPS, row + 1 * BYTES, ORDER);
      FloatVector b2 = fromMemorySegment(SPECIES, STRIPS, row + 2 * BYTES, ORDER);
      FloatVector b3 = fromMemorySegment(SPECIES, STRIPS, row + 3 * BYTES, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a0 + p * 4L));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      c02 = x.fma(b2, c02);
      c03 = x.fma(b3, c03);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + p * 4L));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      c12 = x.fma(b2, c12);
      c13 = x.fma(b3, c13);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a2 + p * 4L));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      c22 = x.fma(b2, c22);
      c23 = x.fma(b3, c23);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, q3));
      q3 += step;
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      c32 = x.fma(b2, c32);
      c33 = x.fma(b3, c33);
      // Read before the fifth row's products: behind them the method has nearly too many nodes for
      // the compiler to inline a read. In some JVMs that was a call in this loop, around which all
      // sums went to the stack.
      float x5 = a.get(FLOAT, a5 + p * 4L);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a4 + p * 4L));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      c42 = x.fma(b2, c42);
      c43 = x.fma(b3, c43);
      x = FloatVector.broadcast(SPECIES, x5);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      c52 = x.fma(b2, c52);
      c53 = x.fma(b3, c53);
    }
    long to = sums & VectorTileMemory.MASK;
    c00.intoMemorySegment(TILES, to + 0 * BYTES, ORDER);
    c01.intoMemorySegment(TILES, to + 1 * BYTES, ORDER);
    c02.intoMemorySegment(TILES, to + 2 * BYTES, ORDER);
    c03.intoMemorySegment(TILES, to + 3 * BYTES, ORDER);
    c10.intoMemorySegment(TILES, to + 4 * BYTES, ORDER);
    c11.intoMemorySegment(TILES, to + 5 * BYTES, ORDER);
    c12.intoMemorySegment(TILES, to + 6 * BYTES, ORDER);
    c13.intoMemorySegment(TILES, to + 7 * BYTES, ORDER);
    c20.intoMemorySegment(TILES, to + 8 * BYTES, ORDER);
    c21.intoMemorySegment(TILES, to + 9 * BYTES, ORDER);
    c22.intoMemorySegment(TILES, to + 10 * BYTES, ORDER);
    c23.intoMemorySegment(TILES, to + 11 * BYTES, ORDER);
    c30.intoMemorySegment(TILES, to + 12 * BYTES, ORDER);
    c31.intoMemorySegment(TILES, to + 13 * BYTES, ORDER);
    c32.intoMemorySegment(TILES, to + 14 * BYTES, ORDER);
    c33.intoMemorySegment(TILES, to + 15 * BYTES, ORDER);
    c40.intoMemorySegment(TILES, to + 16 * BYTES, ORDER);
    c41.intoMemorySegment(TILES, to + 17 * BYTES, ORDER);
    c42.intoMemorySegment(TILES, to + 18 * BYTES, ORDER);
    c43.intoMemorySegment(TILES, to + 19 * BYTES, ORDER);
    c50.intoMemorySegment(TILES, to + 20 * BYTES, ORDER);
    c51.intoMemorySegment(TILES, to + 21 * BYTES, ORDER);
    c52.intoMemorySegment(TILES, to + 22 * BYTES, ORDER);
    c53.intoMemorySegment(TILES, to + 23 * BYTES, ORDER);
  }

  /**
   * Two vectors wide: twelve sums, two of the right factor and two of the left, of 16 registers.
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  private static void two(TileFactors factors, RegisterTile tile, long strip, long sums) {
    MemorySegment a = offHeap(tile.left);
    int depth = factors.depth;
    int last = tile.rows - 1;
    long a0 = tile.leftAt;
    long a1 = a0 + Math.min(1, last) * factors.tileRowBytes;
    long a2 = a0 + Math.min(2, last) * factors.tileRowBytes;
    long a3 = a0 + Math.min(3, last) * factors.tileRowBytes;
    long a4 = a0 + Math.min(4, last) * factors.tileRowBytes;
    long a5 = a0 + Math.min(5, last) * factors.tileRowBytes;
    long q2 = a2;
    long q4 = a4;
    long step = factors.tileStepBytes;
    long first = strip & VectorStripMemory.MASK;
    FloatVector c00 = fromMemorySegment(SPECIES, STRIPS, first + 0 * BYTES, ORDER);
    FloatVector c01 = fromMemorySegment(SPECIES, STRIPS, first + 1 * BYTES, ORDER);
    FloatVector c10 = c00;
    FloatVector c11 = c01;
    FloatVector c20 = c00;
    FloatVector c21 = c01;
    FloatVector c30 = c00;
    FloatVector c31 = c01;
    FloatVector c40 = c00;
    FloatVector c41 = c01;
    FloatVector c50 = c00;
    FloatVector c51 = c01;
    for (int p = 0; p < depth; p++) {
      long row = (strip + (p + 1) * (2 * BYTES)) & VectorStripMemory.MASK;
      FloatVector b0 = fromMemorySegment(SPECIES, STRIPS, row + 0 * BYTES, ORDER);
      FloatVector b1 = fromMemorySegment(SPECIES, STRIPS, row + 1 * BYTES, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a0 + p * 4L));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + p * 4L));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, q2));
      q2 += step;
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a3 + p * 4L));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, q4));
      q4 += step;
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a5 + p * 4L));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
    }
    long to = sums & VectorTileMemory.MASK;
    c00.intoMemorySegment(TILES, to + 0 * BYTES, ORDER);
    c01.intoMemorySegment(TILES, to + 1 * BYTES, ORDER);
    c10.intoMemorySegment(TILES, to + 2 * BYTES, ORDER);
    c11.intoMemorySegment(TILES, to + 3 * BYTES, ORDER);
    c20.intoMemorySegment(TILES, to + 4 * BYTES, ORDER);
    c21.intoMemorySegment(TILES, to + 5 * BYTES, ORDER);
    c30.intoMemorySegment(TILES, to + 6 * BYTES, ORDER);
    c31.intoMemorySegment(TILES, to + 7 * BYTES, ORDER);
    c40.intoMemorySegment(TILES, to + 8 * BYTES, ORDER);
    c41.intoMemorySegment(TILES, to + 9 * BYTES, ORDER);
    c50.intoMemorySegment(TILES, to + 10 * BYTES, ORDER);
    c51.intoMemorySegment(TILES, to + 11 * BYTES, ORDER);
  }

  /** One vector wide. */
  private static void one(TileFactors factors, RegisterTile tile, long strip, long sums) {
    MemorySegment a = offHeap(tile.left);
    int depth = factors.depth;
    int last = tile.rows - 1;
    long a0 = tile.leftAt;
    long a1 = a0 + Math.min(1, last) * factors.tileRowBytes;
    long a2 = a0 + Math.min(2, last) * factors.tileRowBytes;
    long a3 = a0 + Math.min(3, last) * factors.tileRowBytes;
    long a4 = a0 + Math.min(4, last) * factors.tileRowBytes;
    long a5 = a0 + Math.min(5, last) * factors.tileRowBytes;
    long first = strip & VectorStripMemory.MASK;
    FloatVector c00 = fromMemorySegment(SPECIES, STRIPS, first + 0 * BYTES, ORDER);
    FloatVector c10 = c00;
    FloatVector c20 = c00;
    FloatVector c30 = c00;
    FloatVector c40 = c00;
    FloatVector c50 = c00;
    for (int p = 0; p < depth; p++) {
      long row = (strip + (p + 1) * (1 * BYTES)) & VectorStripMemory.MASK;
      FloatVector b0 = fromMemorySegment(SPECIES, STRIPS, row + 0 * BYTES, ORDER);
      FloatVector x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a0 + p * 4L));
      c00 = x.fma(b0, c00);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a1 + p * 4L));
      c10 = x.fma(b0, c10);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a2 + p * 4L));
      c20 = x.fma(b0, c20);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a3 + p * 4L));
      c30 = x.fma(b0, c30);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a4 + p * 4L));
      c40 = x.fma(b0, c40);
      x = FloatVector.broadcast(SPECIES, a.get(FLOAT, a5 + p * 4L));
      c50 = x.fma(b0, c50);
    }
    long to = sums & VectorTileMemory.MASK;
    c00.intoMemorySegment(TILES, to + 0 * BYTES, ORDER);
    c10.intoMemorySegment(TILES, to + 1 * BYTES, ORDER);
    c20.intoMemorySegment(TILES, to + 2 * BYTES, ORDER);
    c30.intoMemorySegment(TILES, to + 3 * BYTES, ORDER);
    c40.intoMemorySegment(TILES, to + 4 * BYTES, ORDER);
    c50.intoMemorySegment(TILES, to + 5 * BYTES, ORDER);
  }
}
