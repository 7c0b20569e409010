package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The element types that a checkpoint stores: those of the safetensors format under its names, then
 * GGUF's block types.
 *
 * <p>The order of the first is that of the format's reference implementation: by alignment, so that
 * a file whose tensors are written from the last constant to the first keeps every tensor aligned.
 *
 * <p>A block type stores a fixed number of consecutive elements of a row together: small integers
 * that share scales. It has no size of one element, only of a block; {@link QuantizedBlocks} gives
 * the layouts.
 */
public enum StoredType {
  /** One byte, 0 or 1. */
  BOOL(1, false),
  /** Unsigned byte. */
  U8(1, false),
  /** Signed byte. */
  I8(1, false),
  /** 8-bit float with 5 exponent and 2 mantissa bits, with infinities. */
  F8_E5M2(1, true),
  /** 8-bit float with 4 exponent and 3 mantissa bits, without infinities, one NaN a sign. */
  F8_E4M3(1, true),
  /** Signed 16-bit integer. */
  I16(2, false),
  /** Unsigned 16-bit integer. */
  U16(2, false),
  /** IEEE 754 half precision. */
  F16(2, true),
  /** The upper half of an IEEE 754 single. */
  BF16(2, true),
  /** Signed 32-bit integer. */
  I32(4, false),
  /** Unsigned 32-bit integer. */
  U32(4, false),
  /** IEEE 754 single precision. */
  F32(4, true),
  /** IEEE 754 double precision. */
  F64(8, true),
  /** Signed 64-bit integer. */
  I64(8, false),
  /** Unsigned 64-bit integer. */
  U64(8, false),
  /** Blocks of 32 signed nibbles under a half scale, 18 bytes. */
  Q4_0(32, 18, true),
  /** Blocks of 32 nibbles with a half scale and minimum, 20 bytes. */
  Q4_1(32, 20, true),
  /** Blocks of 32 signed 5-bit integers under a half scale, 22 bytes. */
  Q5_0(32, 22, true),
  /** Blocks of 32 5-bit integers with a half scale and minimum, 24 bytes. */
  Q5_1(32, 24, true),
  /** Blocks of 32 signed bytes under a half scale, 34 bytes. */
  Q8_0(32, 34, true),
  /** Blocks of 256 nibbles in 8 groups with 6-bit scales and minimums, 144 bytes. */
  Q4_K(256, 144, true),
  /** Blocks of 256 5-bit integers in 8 groups with 6-bit scales and minimums, 176 bytes. */
  Q5_K(256, 176, true),
  /** Blocks of 256 signed 6-bit integers in 16 groups with 8-bit scales, 210 bytes. */
  Q6_K(256, 210, true);

  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The types that safetensors knows. */
  static final List<StoredType> PLAIN =
      Arrays.stream(values()).filter(type -> !type.isBlocked()).toList();

  private final int blockElements;
  private final int blockBytes;
  private final boolean floating;

  StoredType(int byteSize, boolean floating) {
    this(1, byteSize, floating);
  }

  StoredType(int blockElements, int blockBytes, boolean floating) {
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.floating = floating;
  }

  /**
   * The size of one element.
   *
   * @return 1, 2, 4 or 8 bytes
   * @throws IllegalStateException if this is a block type
   */
  public int byteSize() {
    if (isBlocked()) {
      throw new IllegalStateException("StoredType: " + this + " has blocks, no single elements");
    }
    return blockBytes;
  }

  /**
   * Whether elements are stored in blocks that share scales.
   *
   * @return true for those whose names begin with Q
   */
  public boolean isBlocked() {
    return blockElements > 1;
  }

  /**
   * The number of elements that are stored together; the last axis of a tensor is a multiple of it.
   *
   * @return 1 for a plain type, 32 or 256 for a block type
   */
  public int blockElements() {
    return blockElements;
  }

  /**
   * The size of what is stored together.
   *
   * @return {@link #byteSize} for a plain type, else the bytes of a block
   */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Whether the elements are floating-point numbers, so that they can be read as float32; true for
   * all block types.
   *
   * @return false for booleans and integers
   */
  public boolean isFloating() {
    return floating;
  }

  /**
   * Finds a type by its safetensors name; that format has no block types.
   *
   * @param name the name as the file writes it, case-sensitive
   * @return the type, or null where the name is unknown
   */
  public static @Nullable StoredType byName(String name) {
    for (StoredType type : PLAIN) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }

  /** One floating element at a byte offset; F64 rounds to nearest, all others are exact. */
  float floatAt(MemorySegment bytes, long offsetBytes) {
    return switch (this) {
      case F32 -> bytes.get(FLOAT, offsetBytes);
      case F64 -> (float) bytes.get(DOUBLE, offsetBytes);
      case F16 -> Float.float16ToFloat(bytes.get(SHORT, offsetBytes));
      case BF16 -> Float.intBitsToFloat(bytes.get(SHORT, offsetBytes) << 16);
      // e5m2 is a half cut after its first byte
      case F8_E5M2 ->
          Float.float16ToFloat((short) (bytes.get(ValueLayout.JAVA_BYTE, offsetBytes) << 8));
      case F8_E4M3 -> fromE4m3(bytes.get(ValueLayout.JAVA_BYTE, offsetBytes));
      default -> throw new IllegalStateException("StoredType: " + this + " is not floating");
    };
  }

  /** One integer or boolean element at a byte offset; U64 keeps its 64 bits. */
  long longAt(MemorySegment bytes, long offsetBytes) {
    return switch (this) {
      case BOOL, U8 -> Byte.toUnsignedLong(bytes.get(ValueLayout.JAVA_BYTE, offsetBytes));
      case I8 -> bytes.get(ValueLayout.JAVA_BYTE, offsetBytes);
      case I16 -> bytes.get(SHORT, offsetBytes);
      case U16 -> Short.toUnsignedLong(bytes.get(SHORT, offsetBytes));
      case I32 -> bytes.get(INT, offsetBytes);
      case U32 -> Integer.toUnsignedLong(bytes.get(INT, offsetBytes));
      case I64, U64 -> bytes.get(LONG, offsetBytes);
      default -> throw new IllegalStateException("StoredType: " + this + " is not an integer");
    };
  }

  /** Narrows one float, round to nearest even, and stores it; F32, F16, BF16 and F64 only. */
  void putFloat(MemorySegment bytes, long offsetBytes, float value) {
    switch (this) {
      case F32 -> bytes.set(FLOAT, offsetBytes, value);
      case F64 -> bytes.set(DOUBLE, offsetBytes, value);
      case F16 -> bytes.set(SHORT, offsetBytes, Float.floatToFloat16(value));
      case BF16 -> bytes.set(SHORT, offsetBytes, toBfloat16(value));
      default -> throw new IllegalStateException("StoredType: cannot write floats as " + this);
    }
  }

  /**
   * Narrows floats to this type: to nearest, halves to even; Q8_0 as {@link
   * QuantizedBlocks#quantizeQ80} says.
   *
   * @param floats native-order floats
   * @param target receives the elements from its first byte on; written
   * @param elements the number of elements, a multiple of the block
   * @throws IllegalStateException if this type is none of F32, F16, BF16, F64 and Q8_0
   */
  public void narrow(MemorySegment floats, MemorySegment target, long elements) {
    switch (this) {
      case Q8_0 -> QuantizedBlocks.quantizeQ80(floats, target, elements);
      case BF16 -> {
        // A loop of its own, without a choice in it: whole models are narrowed on load.
        for (long i = 0; i < elements; i++) {
          float value = floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
          target.set(SHORT, i * Short.BYTES, toBfloat16(value));
        }
      }
      default -> {
        for (long i = 0; i < elements; i++) {
          float value = floats.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * Float.BYTES);
          putFloat(target, i * blockBytes, value);
        }
      }
    }
  }

  private static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      // rounding could carry a NaN's mantissa into infinity; keep the sign, set the quiet bit
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  private static float fromE4m3(byte stored) {
    int magnitude = stored & 0x7f;
    if (magnitude == 0x7f) {
      return Float.NaN;
    }
    int exponent = magnitude >> 3;
    int mantissa = magnitude & 7;
    float value =
        exponent == 0
            ? Math.scalb((float) mantissa, -9)
            : Math.scalb((float) (8 + mantissa), exponent - 10);
    return stored < 0 ? -value : value;
  }
}
