package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Dot products of rows, several at a time: one row of the left factor with eight of the right, or
 * four with four.
 *
 * <p>Eight loads from different rows are under way at once, which a single row's sum would not
 * allow: it waits for each addition. Rows that do not exist repeat the last one that does.
 */
final class VectorDots {
  /** Columns of a result that are computed together for one row. */
  static final int WIDE = 8;

  /** Rows and columns that are computed together for several rows. */
  static final int SQUARE = 4;

  private static final long BYTES = (long) LANES * Float.BYTES;

  private VectorDots() {}

  /**
   * Multiplies the first of the left rows with up to eight right rows and leaves eight vectors of
   * sums.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   */
  static void wide(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int steps = rows.elements / LANES;
    long left = rows.leftAt(0);
    long right = rows.rightAt(0);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    long b4 = rows.rightAt(4);
    long b5 = rows.rightAt(5);
    long b6 = rows.rightAt(6);
    long b7 = rows.rightAt(7);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    FloatVector c4 = c0;
    FloatVector c5 = c0;
    FloatVector c6 = c0;
    FloatVector c7 = c0;
    for (int s = 0; s < steps; s++) {
      long p = s * BYTES;
      FloatVector x = fromMemorySegment(SPECIES, a, left + p, ORDER);
      c0 = x.fma(fromMemorySegment(SPECIES, b, right + p, ORDER), c0);
      c1 = x.fma(fromMemorySegment(SPECIES, b, b1 + p, ORDER), c1);
      c2 = x.fma(fromMemorySegment(SPECIES, b, b2 + p, ORDER), c2);
      c3 = x.fma(fromMemorySegment(SPECIES, b, b3 + p, ORDER), c3);
      c4 = x.fma(fromMemorySegment(SPECIES, b, b4 + p, ORDER), c4);
      c5 = x.fma(fromMemorySegment(SPECIES, b, b5 + p, ORDER), c5);
      c6 = x.fma(fromMemorySegment(SPECIES, b, b6 + p, ORDER), c6);
      c7 = x.fma(fromMemorySegment(SPECIES, b, b7 + p, ORDER), c7);
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    c4.intoMemorySegment(sums, at + 4 * BYTES, ORDER);
    c5.intoMemorySegment(sums, at + 5 * BYTES, ORDER);
    c6.intoMemorySegment(sums, at + 6 * BYTES, ORDER);
    c7.intoMemorySegment(sums, at + 7 * BYTES, ORDER);
  }

  /**
   * Multiplies up to four left rows with up to four right rows and leaves 16 vectors of sums, those
   * of the first left row first.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void square(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int steps = rows.elements / LANES;
    long left = rows.leftAt(0);
    long right = rows.rightAt(0);
    long a1 = rows.leftAt(1);
    long a2 = rows.leftAt(2);
    long a3 = rows.leftAt(3);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    // A distance that the compiler does not know keeps a check, see VectorPackedTiles: without it
    // four steps are unrolled sum by sum, and the sums do not fit the registers.
    long q2 = a2;
    long step = rows.step;
    FloatVector c00 = FloatVector.zero(SPECIES);
    FloatVector c01 = c00;
    FloatVector c02 = c00;
    FloatVector c03 = c00;
    FloatVector c10 = c00;
    FloatVector c11 = c00;
    FloatVector c12 = c00;
    FloatVector c13 = c00;
    FloatVector c20 = c00;
    FloatVector c21 = c00;
    FloatVector c22 = c00;
    FloatVector c23 = c00;
    FloatVector c30 = c00;
    FloatVector c31 = c00;
    FloatVector c32 = c00;
    FloatVector c33 = c00;
    for (int s = 0; s < steps; s++) {
      long p = s * BYTES;
      FloatVector y0 = fromMemorySegment(SPECIES, b, right + p, ORDER);
      FloatVector y1 = fromMemorySegment(SPECIES, b, b1 + p, ORDER);
      FloatVector y2 = fromMemorySegment(SPECIES, b, b2 + p, ORDER);
      FloatVector y3 = fromMemorySegment(SPECIES, b, b3 + p, ORDER);
      FloatVector x = fromMemorySegment(SPECIES, a, left + p, ORDER);
      c00 = x.fma(y0, c00);
      c01 = x.fma(y1, c01);
      c02 = x.fma(y2, c02);
      c03 = x.fma(y3, c03);
      x = fromMemorySegment(SPECIES, a, a1 + p, ORDER);
      c10 = x.fma(y0, c10);
      c11 = x.fma(y1, c11);
      c12 = x.fma(y2, c12);
      c13 = x.fma(y3, c13);
      x = fromMemorySegment(SPECIES, a, q2, ORDER);
      q2 += step;
      c20 = x.fma(y0, c20);
      c21 = x.fma(y1, c21);
      c22 = x.fma(y2, c22);
      c23 = x.fma(y3, c23);
      x = fromMemorySegment(SPECIES, a, a3 + p, ORDER);
      c30 = x.fma(y0, c30);
      c31 = x.fma(y1, c31);
      c32 = x.fma(y2, c32);
      c33 = x.fma(y3, c33);
    }
    c00.intoMemorySegment(sums, at, ORDER);
    c01.intoMemorySegment(sums, at + BYTES, ORDER);
    c02.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
    c03.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    c10.intoMemorySegment(sums, at + 4 * BYTES, ORDER);
    c11.intoMemorySegment(sums, at + 5 * BYTES, ORDER);
    c12.intoMemorySegment(sums, at + 6 * BYTES, ORDER);
    c13.intoMemorySegment(sums, at + 7 * BYTES, ORDER);
    c20.intoMemorySegment(sums, at + 8 * BYTES, ORDER);
    c21.intoMemorySegment(sums, at + 9 * BYTES, ORDER);
    c22.intoMemorySegment(sums, at + 10 * BYTES, ORDER);
    c23.intoMemorySegment(sums, at + 11 * BYTES, ORDER);
    c30.intoMemorySegment(sums, at + 12 * BYTES, ORDER);
    c31.intoMemorySegment(sums, at + 13 * BYTES, ORDER);
    c32.intoMemorySegment(sums, at + 14 * BYTES, ORDER);
    c33.intoMemorySegment(sums, at + 15 * BYTES, ORDER);
  }

  /**
   * Adds up the lanes of vectors that lie side by side at the start of the memory, and leaves the
   * sums side by side. Both are in whole vectors: some more may be read and written.
   *
   * @param sums memory of the sums
   * @param vectors how many vectors
   * @param at where to leave their sums there, in bytes; the start of the memory is possible
   */
  static void reduce(MemorySegment sums, int vectors, long at) {
    long from = place(sums, 0);
    at = place(sums, at);
    sums = reach(sums);
    for (int i = 0; i < vectors; i += LANES) {
      long first = from + i * BYTES;
      long to = at + (long) i * Float.BYTES;
      VectorLaneSums.sum(sums, first, first + LANES / 2 * BYTES, sums, to);
    }
  }
}
