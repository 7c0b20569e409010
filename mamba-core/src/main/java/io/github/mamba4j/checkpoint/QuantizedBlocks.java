package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/**
 * GGUF's block types as numbers: each block becomes float32 values, and float32 values become Q8_0
 * blocks.
 *
 * <p>Layouts, all little-endian, q an integer of the block, scale and minimum half-precision:
 *
 * <ul>
 *   <li>Q8_0, 32 elements, 34 bytes: scale, 32 signed bytes q. Value: scale · q.
 *   <li>Q4_0, 32 elements, 18 bytes: scale, 16 bytes whose low nibbles are the elements 0 to 15 and
 *       whose high nibbles are 16 to 31. Value: scale · (q − 8).
 *   <li>Q4_1, 32 elements, 20 bytes: scale, minimum, nibbles as in Q4_0. Value: scale · q +
 *       minimum.
 *   <li>Q5_0, 32 elements, 22 bytes: scale, 32 bits that are each element's fifth bit, nibbles as
 *       in Q4_0. Value: scale · (q − 16).
 *   <li>Q5_1, 32 elements, 24 bytes: scale, minimum, fifth bits, nibbles. Value: scale · q +
 *       minimum.
 *   <li>Q4_K, 256 elements, 144 bytes: scale, minimum, 12 bytes that pack a 6-bit scale and a 6-bit
 *       minimum for each of 8 groups of 32, then 128 bytes of nibbles: 32 bytes hold one group in
 *       their low and the next in their high halves. Value: scale · groupScale · q − minimum ·
 *       groupMinimum.
 *   <li>Q5_K, 256 elements, 176 bytes: as Q4_K, with 32 bytes before the nibbles whose bit g is the
 *       fifth bit of an element of group g.
 *   <li>Q6_K, 256 elements, 210 bytes: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16
 *       signed bytes of group scales, scale. Value: scale · groupScale · (q − 32).
 * </ul>
 *
 * <p>Q8_0 blocks can be multiplied as they lie: block i of a row begins at byte i · {@link
 * #Q8_0_BLOCK_BYTES}, its scale is at the beginning, its integers follow after {@link
 * #Q8_0_SCALE_BYTES} bytes. All methods may be called from several threads.
 */
public final class QuantizedBlocks {

  /** Elements of a Q8_0 block. */
  public static final int Q8_0_BLOCK_ELEMENTS = 32;

  /** Bytes of a Q8_0 block: a half-precision scale and 32 signed bytes. */
  public static final int Q8_0_BLOCK_BYTES = 34;

  /** Bytes of a Q8_0 block's scale, which come first. */
  public static final int Q8_0_SCALE_BYTES = 2;

  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfFloat NATIVE = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private QuantizedBlocks() {}

  /**
   * Turns blocks into float32 values.
   *
   * @param type a block type
   * @param blocks whole blocks, one after the other
   * @param floats receives {@code elements} native-order floats from its first byte on; written
   * @param elements the number of elements, a multiple of the block
   * @throws IllegalArgumentException if the type has no blocks, or a size does not fit
   */
  public static void dequantize(
      StoredType type, MemorySegment blocks, MemorySegment floats, long elements) {
    requireSizes(type, blocks, floats, elements);
    long count = elements / type.blockElements();
    long floatBytes = (long) type.blockElements() * Float.BYTES;
    for (long block = 0; block < count; block++) {
      long in = block * type.blockBytes();
      long out = block * floatBytes;
      switch (type) {
        case Q8_0 -> dequantizeQ80(blocks, in, floats, out);
        case Q4_0 -> {
          float scale = half(blocks, in);
          dequantizeNibbles(blocks, in + 2, 0, scale, -8 * scale, floats, out);
        }
        case Q4_1 -> {
          float minimum = half(blocks, in + 2);
          dequantizeNibbles(blocks, in + 4, 0, half(blocks, in), minimum, floats, out);
        }
        case Q5_0 -> {
          float scale = half(blocks, in);
          int fifth = blocks.get(StoredType.INT, in + 2);
          dequantizeNibbles(blocks, in + 6, fifth, scale, -16 * scale, floats, out);
        }
        case Q5_1 -> {
          float minimum = half(blocks, in + 2);
          int fifth = blocks.get(StoredType.INT, in + 4);
          dequantizeNibbles(blocks, in + 8, fifth, half(blocks, in), minimum, floats, out);
        }
        case Q4_K -> dequantizeGroups(blocks, in, false, floats, out);
        case Q5_K -> dequantizeGroups(blocks, in, true, floats, out);
        case Q6_K -> dequantizeQ6K(blocks, in, floats, out);
        default -> throw new IllegalArgumentException("QuantizedBlocks: " + type);
      }
    }
  }

  /**
   * Turns float32 values into Q8_0 blocks: the scale is the largest magnitude of the block divided
   * by 127, rounded to half precision when stored; integers round to nearest, halves away from
   * zero. So a value comes back within scale / 2, plus the rounding of the scale (relative 2⁻¹¹). A
   * block whose largest magnitude exceeds 127 · 65504, or that holds a NaN, comes back as values
   * that are not finite.
   *
   * @param floats native-order floats
   * @param blocks receives whole blocks; written
   * @param elements the number of elements, a multiple of 32
   * @throws IllegalArgumentException if a size does not fit
   */
  public static void quantizeQ80(MemorySegment floats, MemorySegment blocks, long elements) {
    requireSizes(StoredType.Q8_0, blocks, floats, elements);
    for (long block = 0; block < elements / Q8_0_BLOCK_ELEMENTS; block++) {
      long in = block * Q8_0_BLOCK_ELEMENTS * Float.BYTES;
      long out = block * Q8_0_BLOCK_BYTES;
      float largest = 0;
      for (int i = 0; i < Q8_0_BLOCK_ELEMENTS; i++) {
        largest = Math.max(largest, Math.abs(floats.get(NATIVE, in + (long) i * Float.BYTES)));
      }
      float scale = largest / 127;
      float inverse = scale == 0 ? 0 : 1 / scale;
      blocks.set(StoredType.SHORT, out, Float.floatToFloat16(scale));
      for (int i = 0; i < Q8_0_BLOCK_ELEMENTS; i++) {
        double scaled = floats.get(NATIVE, in + (long) i * Float.BYTES) * inverse;
        // a sum in double is exact here, so that only true halves round away from zero
        int rounded = (int) (scaled + Math.copySign(0.5, scaled));
        byte q = (byte) Math.clamp(rounded, -127, 127);
        blocks.set(BYTE, out + Q8_0_SCALE_BYTES + i, q);
      }
    }
  }

  private static void dequantizeQ80(MemorySegment in, long at, MemorySegment out, long to) {
    float scale = half(in, at);
    for (int i = 0; i < Q8_0_BLOCK_ELEMENTS; i++) {
      put(out, to, i, scale * in.get(BYTE, at + Q8_0_SCALE_BYTES + i));
    }
  }

  /** Bit i of {@code fifth} belongs to element i. */
  private static void dequantizeNibbles(
      MemorySegment in,
      long nibbles,
      int fifth,
      float scale,
      float offset,
      MemorySegment out,
      long to) {
    for (int i = 0; i < 16; i++) {
      int pair = unsigned(in, nibbles + i);
      int low = (pair & 15) | ((fifth >>> i) & 1) << 4;
      int high = (pair >> 4) | ((fifth >>> (i + 16)) & 1) << 4;
      put(out, to, i, scale * low + offset);
      put(out, to, i + 16, scale * high + offset);
    }
  }

  private static void dequantizeGroups(
      MemorySegment in, long at, boolean fifthBits, MemorySegment out, long to) {
    float scale = half(in, at);
    float minimum = half(in, at + 2);
    long fifth = at + 16;
    long first = fifthBits ? fifth + 32 : fifth;
    for (int group = 0; group < 8; group++) {
      float groupScale = scale * packedScale(in, at + 4, group);
      float groupMinimum = minimum * packedMinimum(in, at + 4, group);
      long nibbles = first + group / 2 * 32L;
      int shift = group % 2 * 4;
      for (int i = 0; i < 32; i++) {
        int q = (unsigned(in, nibbles + i) >> shift) & 15;
        if (fifthBits) {
          q |= ((unsigned(in, fifth + i) >> group) & 1) << 4;
        }
        put(out, to, group * 32 + i, groupScale * q - groupMinimum);
      }
    }
  }

  /** Groups 0 to 3 have a byte's lower 6 bits; 4 to 7 borrow the upper 2 bits of those bytes. */
  private static int packedScale(MemorySegment in, long packed, int group) {
    return group < 4
        ? unsigned(in, packed + group) & 63
        : (unsigned(in, packed + group + 4) & 15) | (unsigned(in, packed + group - 4) >> 6 << 4);
  }

  private static int packedMinimum(MemorySegment in, long packed, int group) {
    return group < 4
        ? unsigned(in, packed + group + 4) & 63
        : (unsigned(in, packed + group + 4) >> 4) | (unsigned(in, packed + group) >> 6 << 4);
  }

  private static void dequantizeQ6K(MemorySegment in, long at, MemorySegment out, long to) {
    float scale = half(in, at + 208);
    for (int i = 0; i < 256; i++) {
      // a half of 128 elements has four quarters of 32, which share bytes
      int part = i / 128;
      int quarter = i / 32 % 4;
      int lane = i % 32;
      long lowAt = at + part * 64L + quarter % 2 * 32L + lane;
      int low = (unsigned(in, lowAt) >> (quarter / 2 * 4)) & 15;
      int high = (unsigned(in, at + 128 + part * 32L + lane) >> (quarter * 2)) & 3;
      int groupScale = in.get(BYTE, at + 192 + i / 16);
      put(out, to, i, scale * groupScale * ((low | (high << 4)) - 32));
    }
  }

  private static float half(MemorySegment in, long at) {
    return Float.float16ToFloat(in.get(StoredType.SHORT, at));
  }

  private static int unsigned(MemorySegment in, long at) {
    return Byte.toUnsignedInt(in.get(BYTE, at));
  }

  private static void put(MemorySegment out, long to, int index, float value) {
    out.set(NATIVE, to + (long) index * Float.BYTES, value);
  }

  private static void requireSizes(
      StoredType type, MemorySegment blocks, MemorySegment floats, long elements) {
    if (!type.isBlocked()) {
      throw new IllegalArgumentException(
          "QuantizedBlocks: type is " + type + ", expected a block type");
    }
    if (elements < 0 || elements % type.blockElements() != 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "QuantizedBlocks: elements is %d, expected a multiple of %d for %s",
              elements,
              type.blockElements(),
              type));
    }
    if (blocks.byteSize() / type.blockBytes() < elements / type.blockElements()
        || floats.byteSize() / Float.BYTES < elements) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "QuantizedBlocks: %d elements of %s do not fit, got %d bytes of blocks and %d of"
                  + " floats",
              elements,
              type,
              blocks.byteSize(),
              floats.byteSize()));
    }
  }
}
