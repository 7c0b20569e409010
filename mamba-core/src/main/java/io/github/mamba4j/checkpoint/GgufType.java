package io.github.mamba4j.checkpoint;

import org.jspecify.annotations.Nullable;

/** The types of GGUF metadata values. */
public enum GgufType {
  /** Unsigned byte. */
  UINT8(0, 1),
  /** Signed byte. */
  INT8(1, 1),
  /** Unsigned 16-bit integer. */
  UINT16(2, 2),
  /** Signed 16-bit integer. */
  INT16(3, 2),
  /** Unsigned 32-bit integer. */
  UINT32(4, 4),
  /** Signed 32-bit integer. */
  INT32(5, 4),
  /** IEEE 754 single precision. */
  FLOAT32(6, 4),
  /** One byte, 0 or 1. */
  BOOL(7, 1),
  /** UTF-8 text with its length in bytes before it. */
  STRING(8, 0),
  /** Values of one type, with that type and their count before them. */
  ARRAY(9, 0),
  /** Unsigned 64-bit integer. */
  UINT64(10, 8),
  /** Signed 64-bit integer. */
  INT64(11, 8),
  /** IEEE 754 double precision. */
  FLOAT64(12, 8);

  private final int number;
  private final int byteSize;

  GgufType(int number, int byteSize) {
    this.number = number;
    this.byteSize = byteSize;
  }

  /** The number under which files store the type. */
  int number() {
    return number;
  }

  /** The size of a value, 0 where it varies. */
  int byteSize() {
    return byteSize;
  }

  boolean isInteger() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
      default -> false;
    };
  }

  boolean isFloating() {
    return this == FLOAT32 || this == FLOAT64;
  }

  /** The type of a number in a file, or null where the format has none. */
  static @Nullable GgufType byNumber(long number) {
    for (GgufType type : values()) {
      if (type.number == number) {
        return type;
      }
    }
    return null;
  }
}
