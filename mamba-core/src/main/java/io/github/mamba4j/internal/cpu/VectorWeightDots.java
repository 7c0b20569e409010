package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorWiden.BYTE_LANES;
import static io.github.mamba4j.internal.cpu.VectorWiden.INT_LANES;
import static io.github.mamba4j.internal.cpu.VectorWiden.UPPER_HALF;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Dot products of one row of floats with rows of narrow weights, which are widened in registers:
 * the inner loops of decoding, bound by reading the weights.
 */
final class VectorWeightDots {
  /**
   * Rows of 8-bit weights that are multiplied together: with eight, the compiler gave up on a
   * method of so many memory accesses where vectors have eight lanes.
   */
  static final int INT8_ROWS = 4;

  /** False where a block would take more vectors than the compiler can keep in registers. */
  static final boolean MULTIPLIES_INT8 = LANES == 8 || LANES == 16;

  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final long BLOCK_BYTES = DType.INT8.blockBytes();
  private static final long BLOCK_FLOAT_BYTES = (long) DType.INT8.blockElements() * Float.BYTES;
  private static final long SCALE_BYTES = Short.BYTES;

  private VectorWeightDots() {}

  /**
   * Multiplies a row of split pairs, see {@link VectorWiden#splitPairs}, with up to eight rows of
   * bfloat16 and leaves eight sums.
   *
   * <p>A vector of ints holds two bfloat16 a lane: shifted up, the even one is a float; without its
   * lower half, the odd one is. So twice as many weights come with a load as by widening shorts.
   *
   * @param rows the rows
   * @param sums where to leave the sums
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void pairs(DotRows rows, MemorySegment sums) {
    sums = offHeap(sums);
    MemorySegment a = offHeap(rows.a);
    MemorySegment b = offHeap(rows.b);
    int steps = rows.elements / LANES / 2;
    long left = rows.left;
    long right = rows.right;
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
      FloatVector even = fromMemorySegment(SPECIES, a, left + 2 * p, ORDER);
      FloatVector odd = fromMemorySegment(SPECIES, a, left + 2 * p + BYTES, ORDER);
      IntVector w = IntVector.fromMemorySegment(INT_LANES, b, right + p, ORDER);
      c0 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c0);
      c0 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c0);
      w = IntVector.fromMemorySegment(INT_LANES, b, b1 + p, ORDER);
      c1 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c1);
      c1 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c1);
      w = IntVector.fromMemorySegment(INT_LANES, b, b2 + p, ORDER);
      c2 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c2);
      c2 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c2);
      w = IntVector.fromMemorySegment(INT_LANES, b, b3 + p, ORDER);
      c3 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c3);
      c3 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c3);
      w = IntVector.fromMemorySegment(INT_LANES, b, b4 + p, ORDER);
      c4 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c4);
      c4 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c4);
      w = IntVector.fromMemorySegment(INT_LANES, b, b5 + p, ORDER);
      c5 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c5);
      c5 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c5);
      w = IntVector.fromMemorySegment(INT_LANES, b, b6 + p, ORDER);
      c6 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c6);
      c6 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c6);
      w = IntVector.fromMemorySegment(INT_LANES, b, b7 + p, ORDER);
      c7 = even.fma(w.lanewise(LSHL, 16).reinterpretAsFloats(), c7);
      c7 = odd.fma(w.and(UPPER_HALF).reinterpretAsFloats(), c7);
    }
    c0.intoMemorySegment(sums, 0, ORDER);
    c1.intoMemorySegment(sums, 1 * BYTES, ORDER);
    c2.intoMemorySegment(sums, 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, 3 * BYTES, ORDER);
    c4.intoMemorySegment(sums, 4 * BYTES, ORDER);
    c5.intoMemorySegment(sums, 5 * BYTES, ORDER);
    c6.intoMemorySegment(sums, 6 * BYTES, ORDER);
    c7.intoMemorySegment(sums, 7 * BYTES, ORDER);
    VectorDots.reduce(sums, VectorDots.WIDE);
  }

  /**
   * Multiplies a row with up to four rows of blocks of 8-bit integers and leaves four sums.
   *
   * <p>A weight, scale · integer, has at most 19 significant bits, so widening is exact and each
   * sum has the bits that the same weights as floats give.
   *
   * @param rows the rows
   * @param sums where to leave the sums
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void int8(DotRows rows, MemorySegment sums) {
    sums = offHeap(sums);
    MemorySegment a = offHeap(rows.a);
    MemorySegment b = offHeap(rows.b);
    int blocks = rows.elements / DType.INT8.blockElements();
    long left = rows.left;
    long b0 = rows.right;
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    for (int s = 0; s < blocks; s++) {
      long p = left + s * BLOCK_FLOAT_BYTES;
      long h = s * BLOCK_BYTES + SCALE_BYTES;
      FloatVector s0 = FloatVector.broadcast(SPECIES, VectorWiden.scale(b, b0 + h - SCALE_BYTES));
      FloatVector s1 = FloatVector.broadcast(SPECIES, VectorWiden.scale(b, b1 + h - SCALE_BYTES));
      FloatVector s2 = FloatVector.broadcast(SPECIES, VectorWiden.scale(b, b2 + h - SCALE_BYTES));
      FloatVector s3 = FloatVector.broadcast(SPECIES, VectorWiden.scale(b, b3 + h - SCALE_BYTES));
      FloatVector x = fromMemorySegment(SPECIES, a, p, ORDER);
      ByteVector q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h, ORDER);
      c0 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s0), c0);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h, ORDER);
      c1 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s1), c1);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h, ORDER);
      c2 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s2), c2);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h, ORDER);
      c3 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s3), c3);
      x = fromMemorySegment(SPECIES, a, p + BYTES, ORDER);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + LANES, ORDER);
      c0 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s0), c0);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + LANES, ORDER);
      c1 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s1), c1);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h + LANES, ORDER);
      c2 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s2), c2);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h + LANES, ORDER);
      c3 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s3), c3);
      if (LANES == 8) {
        x = fromMemorySegment(SPECIES, a, p + 2L * BYTES, ORDER);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + 2L * LANES, ORDER);
        c0 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s0), c0);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + 2L * LANES, ORDER);
        c1 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s1), c1);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h + 2L * LANES, ORDER);
        c2 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s2), c2);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h + 2L * LANES, ORDER);
        c3 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s3), c3);
        x = fromMemorySegment(SPECIES, a, p + 3L * BYTES, ORDER);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + 3L * LANES, ORDER);
        c0 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s0), c0);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + 3L * LANES, ORDER);
        c1 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s1), c1);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h + 3L * LANES, ORDER);
        c2 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s2), c2);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h + 3L * LANES, ORDER);
        c3 = x.fma(((FloatVector) q.convertShape(B2F, SPECIES, 0)).mul(s3), c3);
      }
    }
    c0.intoMemorySegment(sums, 0 * BYTES, ORDER);
    c1.intoMemorySegment(sums, 1 * BYTES, ORDER);
    c2.intoMemorySegment(sums, 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, 3 * BYTES, ORDER);
    VectorDots.reduce(sums, INT8_ROWS);
  }
}
