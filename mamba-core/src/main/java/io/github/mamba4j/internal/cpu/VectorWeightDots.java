package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static io.github.mamba4j.internal.cpu.VectorWiden.BYTE_LANES;
import static io.github.mamba4j.internal.cpu.VectorWiden.INT_LANES;
import static io.github.mamba4j.internal.cpu.VectorWiden.NORMAL_BITS;
import static io.github.mamba4j.internal.cpu.VectorWiden.NORMAL_EXPONENT;
import static io.github.mamba4j.internal.cpu.VectorWiden.NORMAL_LEAST;
import static io.github.mamba4j.internal.cpu.VectorWiden.UPPER_HALF;
import static io.github.mamba4j.internal.cpu.VectorWiden.scale;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dot products of one row of floats with rows of narrow weights, which are widened in registers:
 * the inner loops of decoding, bound by reading the weights.
 */
final class VectorWeightDots {
  /**
   * Rows of 8-bit weights that are multiplied together: two, or four where a block is only two
   * vectors. With more memory accesses in the loop the compiler keeps the check of each.
   */
  static final int INT8_ROWS = LANES == 16 ? 4 : 2;

  /** Rows of 16-bit weights that are multiplied together; eight were slower. */
  static final int PAIR_ROWS = 4;

  /** Sign, exponent and mantissa of a half that was extended to an int and moved up by 13 bits. */
  private static final int HALF_BITS = 0x8fffe000;

  /** Exponents and mantissas of the two halves of an int, and infinity, below only NaN. */
  private static final int HALF_MAGNITUDES = 0x7fff7fff;

  private static final short HALF_INFINITY = 0x7c00;

  private static final int SIGN = 0x80000000;

  /** Is set in floats from 2 to infinity and NaN, not in those of smaller magnitude. */
  private static final int TWO_BITS = 0x40000000;

  /** Twice as many halves as a vector has floats. */
  private static final VectorSpecies<Short> HALF_LANES =
      VectorSpecies.of(short.class, SPECIES.vectorShape());

  /** False where a block would take more vectors than the compiler can keep in registers. */
  static final boolean MULTIPLIES_INT8 = LANES == 8 || LANES == 16;

  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final long BLOCK_BYTES = DType.INT8.blockBytes();
  private static final long BLOCK_FLOAT_BYTES = (long) DType.INT8.blockElements() * Float.BYTES;
  private static final long SCALE_BYTES = Short.BYTES;

  private VectorWeightDots() {}

  /**
   * Multiplies a row of split pairs, see {@link VectorWiden#splitPairs}, with up to four rows of
   * bfloat16 and leaves four vectors of sums.
   *
   * <p>A vector of ints holds two bfloat16 a lane: shifted up, the even one is a float; without its
   * lower half, the odd one is. So twice as many weights come with a load as by widening shorts.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void pairs(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int steps = rows.elements / LANES / 2;
    long left = rows.leftAt(0);
    long right = rows.rightAt(0);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
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
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
  }

  /**
   * Multiplies a row of split pairs, see {@link VectorWiden#splitPairs}, with up to four rows of
   * half-precision numbers and leaves four vectors of sums. Behind the row lies the same row times
   * 2¹¹², see {@link VectorWiden#scalePairs}, which is the one that is read.
   *
   * <p>A vector of ints holds two halves a lane. Sign, exponent and mantissa of a half, moved to
   * where a float has them, are the number divided by 2¹¹², of subnormal numbers, too; but infinity
   * and NaN are taken for numbers. Subnormal halves are subnormal floats then, which some machines
   * multiply a hundred times slower: there, {@link #normalHalves} is for them.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   * @return false if there is infinity or NaN among the weights, so that the sums are wrong
   */
  static boolean halves(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int steps = rows.elements / LANES / 2;
    long left = rows.leftAt(0) + (long) rows.elements * Float.BYTES;
    long b0 = rows.rightAt(0);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    ShortVector largest = ShortVector.zero(HALF_LANES);
    for (int s = 0; s < steps; s++) {
      long p = s * BYTES;
      FloatVector even = fromMemorySegment(SPECIES, a, left + 2 * p, ORDER);
      FloatVector odd = fromMemorySegment(SPECIES, a, left + 2 * p + BYTES, ORDER);
      IntVector w;
      FloatVector v;
      w = IntVector.fromMemorySegment(INT_LANES, b, b0 + p, ORDER);
      largest = largest.max(w.and(HALF_MAGNITUDES).reinterpretAsShorts());
      v = w.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c0 = even.fma(v, c0);
      v = w.lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c0 = odd.fma(v, c0);
      w = IntVector.fromMemorySegment(INT_LANES, b, b1 + p, ORDER);
      largest = largest.max(w.and(HALF_MAGNITUDES).reinterpretAsShorts());
      v = w.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c1 = even.fma(v, c1);
      v = w.lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c1 = odd.fma(v, c1);
      w = IntVector.fromMemorySegment(INT_LANES, b, b2 + p, ORDER);
      largest = largest.max(w.and(HALF_MAGNITUDES).reinterpretAsShorts());
      v = w.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c2 = even.fma(v, c2);
      v = w.lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c2 = odd.fma(v, c2);
      w = IntVector.fromMemorySegment(INT_LANES, b, b3 + p, ORDER);
      largest = largest.max(w.and(HALF_MAGNITUDES).reinterpretAsShorts());
      v = w.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c3 = even.fma(v, c3);
      v = w.lanewise(ASHR, 3).and(HALF_BITS).reinterpretAsFloats();
      c3 = odd.fma(v, c3);
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    return largest.lt(HALF_INFINITY).allTrue();
  }

  /**
   * Does what {@link #halves} does, with the same result, without subnormal floats. The row behind
   * the left one is that times 2¹⁶.
   *
   * <p>With {@link VectorWiden#NORMAL_EXPONENT} joined to its own, a half's bits are those of the
   * number divided by 2¹⁶ if it is normal. A subnormal one, m·2⁻²⁴, becomes v = 2⁻³¹ + m·2⁻⁴¹,
   * whose d = 2v − 2⁻³⁰ is the number divided by 2¹⁶ and less than v; of normal numbers v is less.
   * The smaller of two positive floats has the smaller bits. Of infinity and NaN, d is 2 or more,
   * so one bit of all its values tells of them.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   * @return false if there is infinity or NaN among the weights, so that the sums are wrong
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static boolean normalHalves(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int steps = rows.elements / LANES / 2;
    long left = rows.leftAt(0) + (long) rows.elements * Float.BYTES;
    long b0 = rows.rightAt(0);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    IntVector all = IntVector.zero(INT_LANES);
    FloatVector two = FloatVector.broadcast(SPECIES, 2);
    FloatVector least = FloatVector.broadcast(SPECIES, -NORMAL_LEAST);
    for (int s = 0; s < steps; s++) {
      long p = s * BYTES;
      FloatVector even = fromMemorySegment(SPECIES, a, left + 2 * p, ORDER);
      FloatVector odd = fromMemorySegment(SPECIES, a, left + 2 * p + BYTES, ORDER);
      IntVector w;
      IntVector v;
      IntVector vd;
      IntVector u;
      IntVector ud;
      w = IntVector.fromMemorySegment(INT_LANES, b, b0 + p, ORDER);
      v = w.lanewise(LSHL, 13).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      u = w.lanewise(LSHR, 3).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      vd = v.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      ud = u.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      all = all.or(vd).or(ud);
      v = v.min(vd).or(w.lanewise(LSHL, 16).and(SIGN));
      c0 = even.fma(v.reinterpretAsFloats(), c0);
      u = u.min(ud).or(w.and(SIGN));
      c0 = odd.fma(u.reinterpretAsFloats(), c0);
      w = IntVector.fromMemorySegment(INT_LANES, b, b1 + p, ORDER);
      v = w.lanewise(LSHL, 13).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      u = w.lanewise(LSHR, 3).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      vd = v.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      ud = u.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      all = all.or(vd).or(ud);
      v = v.min(vd).or(w.lanewise(LSHL, 16).and(SIGN));
      c1 = even.fma(v.reinterpretAsFloats(), c1);
      u = u.min(ud).or(w.and(SIGN));
      c1 = odd.fma(u.reinterpretAsFloats(), c1);
      w = IntVector.fromMemorySegment(INT_LANES, b, b2 + p, ORDER);
      v = w.lanewise(LSHL, 13).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      u = w.lanewise(LSHR, 3).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      vd = v.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      ud = u.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      all = all.or(vd).or(ud);
      v = v.min(vd).or(w.lanewise(LSHL, 16).and(SIGN));
      c2 = even.fma(v.reinterpretAsFloats(), c2);
      u = u.min(ud).or(w.and(SIGN));
      c2 = odd.fma(u.reinterpretAsFloats(), c2);
      w = IntVector.fromMemorySegment(INT_LANES, b, b3 + p, ORDER);
      v = w.lanewise(LSHL, 13).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      u = w.lanewise(LSHR, 3).and(NORMAL_BITS).or(NORMAL_EXPONENT);
      vd = v.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      ud = u.reinterpretAsFloats().fma(two, least).reinterpretAsInts();
      all = all.or(vd).or(ud);
      v = v.min(vd).or(w.lanewise(LSHL, 16).and(SIGN));
      c3 = even.fma(v.reinterpretAsFloats(), c3);
      u = u.min(ud).or(w.and(SIGN));
      c3 = odd.fma(u.reinterpretAsFloats(), c3);
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
    c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    return all.and(TWO_BITS).eq(0).allTrue();
  }

  /**
   * Multiplies the first of the left rows with {@link #INT8_ROWS} rows of blocks of 8-bit integers
   * and leaves as many vectors of sums. A block's products with the integers are summed before they
   * meet its scale.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void int8(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int blocks = rows.elements / DType.INT8.blockElements();
    long left = rows.leftAt(0);
    long b0 = rows.rightAt(0) + SCALE_BYTES;
    long b1 = rows.rightAt(1) + SCALE_BYTES;
    long b2 = rows.rightAt(2) + SCALE_BYTES;
    long b3 = rows.rightAt(3) + SCALE_BYTES;
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    for (int s = 0; s < blocks; s++) {
      long p = left + s * BLOCK_FLOAT_BYTES;
      long h = s * BLOCK_BYTES;
      FloatVector x0 = fromMemorySegment(SPECIES, a, p, ORDER);
      FloatVector x1 = fromMemorySegment(SPECIES, a, p + BYTES, ORDER);
      FloatVector x2 = x0;
      FloatVector x3 = x1;
      if (LANES == 8) {
        x2 = fromMemorySegment(SPECIES, a, p + 2 * BYTES, ORDER);
        x3 = fromMemorySegment(SPECIES, a, p + 3 * BYTES, ORDER);
      }
      ByteVector q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h, ORDER);
      FloatVector t = x0.mul((FloatVector) q.convertShape(B2F, SPECIES, 0));
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + LANES, ORDER);
      t = x1.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
      if (LANES == 8) {
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + 2L * LANES, ORDER);
        t = x2.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b0 + h + 3L * LANES, ORDER);
        t = x3.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
      }
      c0 = t.fma(FloatVector.broadcast(SPECIES, scale(b, b0 + h - SCALE_BYTES)), c0);
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h, ORDER);
      t = x0.mul((FloatVector) q.convertShape(B2F, SPECIES, 0));
      q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + LANES, ORDER);
      t = x1.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
      if (LANES == 8) {
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + 2L * LANES, ORDER);
        t = x2.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b1 + h + 3L * LANES, ORDER);
        t = x3.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
      }
      c1 = t.fma(FloatVector.broadcast(SPECIES, scale(b, b1 + h - SCALE_BYTES)), c1);
      if (LANES == 16) {
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h, ORDER);
        t = x0.mul((FloatVector) q.convertShape(B2F, SPECIES, 0));
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b2 + h + LANES, ORDER);
        t = x1.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
        c2 = t.fma(FloatVector.broadcast(SPECIES, scale(b, b2 + h - SCALE_BYTES)), c2);
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h, ORDER);
        t = x0.mul((FloatVector) q.convertShape(B2F, SPECIES, 0));
        q = ByteVector.fromMemorySegment(BYTE_LANES, b, b3 + h + LANES, ORDER);
        t = x1.fma((FloatVector) q.convertShape(B2F, SPECIES, 0), t);
        c3 = t.fma(FloatVector.broadcast(SPECIES, scale(b, b3 + h - SCALE_BYTES)), c3);
      }
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    if (LANES == 16) {
      c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
      c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    }
  }

  /**
   * Does what {@link #int8} does, in the same order, with rows that were widened: the integers as
   * floats, then the scales of their blocks, see {@link VectorWiden#integers}.
   *
   * @param rows the rows
   * @param sums memory of the sums
   * @param at where to leave them there, in bytes
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void blocks(DotRows rows, MemorySegment sums, long at) {
    at = place(sums, at);
    sums = reach(sums);
    MemorySegment a = reach(rows.a);
    MemorySegment b = reach(rows.b);
    int blocks = rows.elements / DType.INT8.blockElements();
    long left = rows.leftAt(0);
    long scales = (long) rows.elements * Float.BYTES;
    long b0 = rows.rightAt(0);
    long b1 = rows.rightAt(1);
    long b2 = rows.rightAt(2);
    long b3 = rows.rightAt(3);
    FloatVector c0 = FloatVector.zero(SPECIES);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    for (int s = 0; s < blocks; s++) {
      long h = s * BLOCK_FLOAT_BYTES;
      long scale = scales + s * 4L;
      FloatVector x0 = fromMemorySegment(SPECIES, a, left + h, ORDER);
      FloatVector x1 = fromMemorySegment(SPECIES, a, left + h + BYTES, ORDER);
      FloatVector x2 = x0;
      FloatVector x3 = x1;
      if (LANES == 8) {
        x2 = fromMemorySegment(SPECIES, a, left + h + 2 * BYTES, ORDER);
        x3 = fromMemorySegment(SPECIES, a, left + h + 3 * BYTES, ORDER);
      }
      FloatVector t = x0.mul(fromMemorySegment(SPECIES, b, b0 + h, ORDER));
      t = x1.fma(fromMemorySegment(SPECIES, b, b0 + h + BYTES, ORDER), t);
      if (LANES == 8) {
        t = x2.fma(fromMemorySegment(SPECIES, b, b0 + h + 2 * BYTES, ORDER), t);
        t = x3.fma(fromMemorySegment(SPECIES, b, b0 + h + 3 * BYTES, ORDER), t);
      }
      c0 = t.fma(FloatVector.broadcast(SPECIES, b.get(CpuStorage.FLOAT, b0 + scale)), c0);
      t = x0.mul(fromMemorySegment(SPECIES, b, b1 + h, ORDER));
      t = x1.fma(fromMemorySegment(SPECIES, b, b1 + h + BYTES, ORDER), t);
      if (LANES == 8) {
        t = x2.fma(fromMemorySegment(SPECIES, b, b1 + h + 2 * BYTES, ORDER), t);
        t = x3.fma(fromMemorySegment(SPECIES, b, b1 + h + 3 * BYTES, ORDER), t);
      }
      c1 = t.fma(FloatVector.broadcast(SPECIES, b.get(CpuStorage.FLOAT, b1 + scale)), c1);
      if (LANES == 16) {
        t = x0.mul(fromMemorySegment(SPECIES, b, b2 + h, ORDER));
        t = x1.fma(fromMemorySegment(SPECIES, b, b2 + h + BYTES, ORDER), t);
        c2 = t.fma(FloatVector.broadcast(SPECIES, b.get(CpuStorage.FLOAT, b2 + scale)), c2);
        t = x0.mul(fromMemorySegment(SPECIES, b, b3 + h, ORDER));
        t = x1.fma(fromMemorySegment(SPECIES, b, b3 + h + BYTES, ORDER), t);
        c3 = t.fma(FloatVector.broadcast(SPECIES, b.get(CpuStorage.FLOAT, b3 + scale)), c3);
      }
    }
    c0.intoMemorySegment(sums, at, ORDER);
    c1.intoMemorySegment(sums, at + BYTES, ORDER);
    if (LANES == 16) {
      c2.intoMemorySegment(sums, at + 2 * BYTES, ORDER);
      c3.intoMemorySegment(sums, at + 3 * BYTES, ORDER);
    }
  }
}
