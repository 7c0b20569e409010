package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** Narrow weights as 32-bit floats, in memory. Every step is exact. */
final class VectorWiden {
  /** As many ints as a vector has floats. */
  static final VectorSpecies<Integer> INT_LANES =
      VectorSpecies.of(int.class, SPECIES.vectorShape());

  /** As many shorts as a vector has floats. */
  static final VectorSpecies<Short> SHORT_LANES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES * Short.SIZE));

  /** As many bytes as a vector has floats, but at least eight: there are no shorter vectors. */
  static final VectorSpecies<Byte> BYTE_LANES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(8, LANES) * Byte.SIZE));

  /** What is left of an int that holds two bfloat16 is the one at the higher address. */
  static final int UPPER_HALF = 0xffff0000;

  /** A half is this many times what a float with the same exponent and mantissa bits is. */
  static final float HALF_SCALE = 0x1p112f;

  /** Exponent and mantissa of a half that was extended to an int and moved up by 13 bits. */
  static final int NORMAL_BITS = 0x0fffe000;

  /** Joined to the exponent of a half: the float is the half divided by {@link #NORMAL_SCALE}. */
  static final int NORMAL_EXPONENT = 96 << 23;

  /** The least normal half divided by {@link #NORMAL_SCALE}. */
  static final float NORMAL_LEAST = 0x1p-30f;

  static final float NORMAL_SCALE = 0x1p16f;

  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final int BLOCK = DType.INT8.blockElements();
  private static final int BLOCK_BYTES = DType.INT8.blockBytes();
  private static final int BLOCK_FLOAT_BYTES = BLOCK * Float.BYTES;
  private static final VectorShuffle<Float> EVEN = VectorShuffle.makeUnzip(SPECIES, 0);
  private static final VectorShuffle<Float> ODD = VectorShuffle.makeUnzip(SPECIES, 1);

  /**
   * Every half-precision number as a float, by its bits. A look-up keeps the conversion of scales
   * off the units that widen and multiply; few entries are in use at a time.
   */
  private static final float[] HALVES = halves();

  private VectorWiden() {}

  private static float[] halves() {
    float[] halves = new float[1 << Short.SIZE];
    for (int i = 0; i < halves.length; i++) {
      halves[i] = Float.float16ToFloat((short) i);
    }
    return halves;
  }

  /** Returns the scale of the block of 8-bit integers that starts at a byte. */
  static float scale(MemorySegment blocks, long at) {
    return HALVES[blocks.get(CpuStorage.SHORT, at) & 0xffff];
  }

  /**
   * Widens elements in their order.
   *
   * @param type their type
   * @param from where they lie
   * @param first the first element, at the start of a block
   * @param n how many, whole blocks
   * @param to where to leave them
   * @param target where the first goes there, in bytes
   */
  static void row(
      DType type, MemorySegment from, long first, int n, MemorySegment to, long target) {
    long source = type.bytes(first);
    int whole = SPECIES.loopBound(n);
    switch (type) {
      case BF16 -> bf16(from, source, whole, to, target);
      case F16 -> f16(from, source, whole, to, target);
      case INT8 -> int8(from, source, whole, to, target);
      default -> throw new AssertionError(type);
    }
    for (int i = whole; i < n; i++) {
      short bits = from.get(CpuStorage.SHORT, source + (long) i * Short.BYTES);
      float value =
          type == DType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << Short.SIZE);
      to.set(CpuStorage.FLOAT, target + (long) i * Float.BYTES, value);
    }
  }

  private static void bf16(MemorySegment from, long source, int n, MemorySegment to, long target) {
    from = offHeap(from);
    to = offHeap(to);
    for (int i = 0; i < n; i += LANES) {
      IntVector bits =
          (IntVector)
              ShortVector.fromMemorySegment(SHORT_LANES, from, source + 2L * i, ORDER)
                  .convertShape(VectorOperators.ZERO_EXTEND_S2I, INT_LANES, 0);
      bits.lanewise(VectorOperators.LSHL, Short.SIZE)
          .reinterpretAsFloats()
          .intoMemorySegment(to, target + 4L * i, ORDER);
    }
  }

  /**
   * A half becomes a normal float, see {@link VectorWeightDots#normalHalves}, which is multiplied.
   * What had the largest exponent (infinity, NaN) gets the largest exponent of a float by adding
   * the difference, which is made from the carry out of the half's exponent.
   */
  private static void f16(MemorySegment from, long source, int n, MemorySegment to, long target) {
    from = offHeap(from);
    to = offHeap(to);
    FloatVector two = FloatVector.broadcast(SPECIES, 2);
    FloatVector least = FloatVector.broadcast(SPECIES, -NORMAL_LEAST);
    for (int i = 0; i < n; i += LANES) {
      IntVector half =
          (IntVector)
              ShortVector.fromMemorySegment(SHORT_LANES, from, source + 2L * i, ORDER)
                  .convertShape(VectorOperators.S2I, INT_LANES, 0);
      IntVector magnitude = half.lanewise(VectorOperators.LSHL, 13).and(NORMAL_BITS);
      IntVector carry = magnitude.add(0x00800000).and(0x10000000);
      IntVector rest =
          carry.lanewise(VectorOperators.LSHL, 2).sub(carry.lanewise(VectorOperators.LSHR, 1));
      IntVector v = magnitude.or(NORMAL_EXPONENT);
      v = v.min(v.reinterpretAsFloats().fma(two, least).reinterpretAsInts());
      v.reinterpretAsFloats()
          .mul(NORMAL_SCALE)
          .reinterpretAsInts()
          .add(rest)
          .or(half.and(0x80000000))
          .reinterpretAsFloats()
          .intoMemorySegment(to, target + 4L * i, ORDER);
    }
  }

  private static void int8(MemorySegment from, long source, int n, MemorySegment to, long target) {
    for (int block = 0; block < n / BLOCK; block++) {
      long in = source + (long) block * BLOCK_BYTES;
      block(from, in + Short.BYTES, scale(from, in), to, target + (long) block * BLOCK_FLOAT_BYTES);
    }
  }

  /**
   * Widens the integers of blocks and leaves the blocks' scales after them.
   *
   * @param from where the blocks lie
   * @param source where the first starts, in bytes
   * @param n how many elements, whole blocks
   * @param to where to leave them
   * @param target where the first goes there, in bytes
   */
  static void integers(MemorySegment from, long source, int n, MemorySegment to, long target) {
    int blocks = n / BLOCK;
    for (int block = 0; block < blocks; block++) {
      long in = source + (long) block * BLOCK_BYTES;
      block(from, in + Short.BYTES, 1, to, target + (long) block * BLOCK_FLOAT_BYTES);
      to.set(CpuStorage.FLOAT, target + 4L * (n + block), scale(from, in));
    }
  }

  private static void block(
      MemorySegment from, long source, float scale, MemorySegment to, long target) {
    from = offHeap(from);
    to = offHeap(to);
    FloatVector factor = FloatVector.broadcast(SPECIES, scale);
    for (int i = 0; i < BLOCK; i += BYTE_LANES.length()) {
      ByteVector q = ByteVector.fromMemorySegment(BYTE_LANES, from, source + i, ORDER);
      ((FloatVector) q.convertShape(VectorOperators.B2F, SPECIES, 0))
          .mul(factor)
          .intoMemorySegment(to, target + 4L * i, ORDER);
      if (LANES < BYTE_LANES.length()) {
        ((FloatVector) q.convertShape(VectorOperators.B2F, SPECIES, 1))
            .mul(factor)
            .intoMemorySegment(to, target + 4L * i + BYTES, ORDER);
      }
    }
  }

  /**
   * Widens bfloat16 in the order of {@link #splitPairs}: for each two vectors of elements the even
   * ones, then the odd ones.
   *
   * @param from where they lie
   * @param source where the first is, in bytes
   * @param n how many, a multiple of two vectors
   * @param to where to leave them
   * @param target where the first goes there, in bytes
   */
  static void pairs(MemorySegment from, long source, int n, MemorySegment to, long target) {
    from = offHeap(from);
    to = offHeap(to);
    int steps = n / LANES / 2;
    for (int s = 0; s < steps; s++) {
      IntVector even = IntVector.fromMemorySegment(INT_LANES, from, source + s * BYTES, ORDER);
      even.lanewise(VectorOperators.LSHL, Short.SIZE)
          .reinterpretAsFloats()
          .intoMemorySegment(to, target + 2L * s * BYTES, ORDER);
      IntVector odd = IntVector.fromMemorySegment(INT_LANES, from, source + s * BYTES, ORDER);
      odd.and(UPPER_HALF)
          .reinterpretAsFloats()
          .intoMemorySegment(to, target + 2L * s * BYTES + BYTES, ORDER);
    }
  }

  /**
   * Copies floats so that they meet pairs of 16-bit weights: for each two vectors of elements the
   * even ones, then the odd ones. May copy to where they lie.
   *
   * @param from where they lie
   * @param source where the first is, in bytes
   * @param n how many, a multiple of two vectors
   * @param to where to leave them
   * @param target where the first goes there, in bytes
   */
  static void splitPairs(MemorySegment from, long source, int n, MemorySegment to, long target) {
    from = offHeap(from);
    to = offHeap(to);
    int steps = n / LANES / 2;
    for (int s = 0; s < steps; s++) {
      long at = 2L * s * BYTES;
      FloatVector x = fromMemorySegment(SPECIES, from, source + at, ORDER);
      FloatVector y = fromMemorySegment(SPECIES, from, source + at + BYTES, ORDER);
      x.rearrange(EVEN, y).intoMemorySegment(to, target + at, ORDER);
      x.rearrange(ODD, y).intoMemorySegment(to, target + at + BYTES, ORDER);
    }
  }

  /**
   * Leaves floats behind themselves, times a power of two.
   *
   * @param memory where they lie
   * @param at where the first is, in bytes
   * @param n how many, whole vectors
   * @param scale the power of two
   * @return false if some are too large, or NaN: then products with what is left here are wrong
   */
  static boolean scalePairs(MemorySegment memory, long at, int n, float scale) {
    memory = offHeap(memory);
    FloatVector largest = FloatVector.zero(SPECIES);
    for (int i = 0; i < n; i += LANES) {
      FloatVector x = fromMemorySegment(SPECIES, memory, at + 4L * i, ORDER).mul(scale);
      x.intoMemorySegment(memory, at + 4L * (n + i), ORDER);
      largest = largest.max(x.abs()); // NaN stays
    }
    return largest.lt(Float.POSITIVE_INFINITY).allTrue();
  }
}
