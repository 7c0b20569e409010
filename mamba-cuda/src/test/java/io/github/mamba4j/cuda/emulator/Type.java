package io.github.mamba4j.cuda.emulator;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** PTX's types. */
enum Type {
  B8(8, Kind.BITS),
  B16(16, Kind.BITS),
  B32(32, Kind.BITS),
  B64(64, Kind.BITS),
  U8(8, Kind.UNSIGNED),
  U16(16, Kind.UNSIGNED),
  U32(32, Kind.UNSIGNED),
  U64(64, Kind.UNSIGNED),
  S8(8, Kind.SIGNED),
  S16(16, Kind.SIGNED),
  S32(32, Kind.SIGNED),
  S64(64, Kind.SIGNED),
  F16(16, Kind.FLOAT),
  F32(32, Kind.FLOAT),
  F64(64, Kind.FLOAT),
  F16X2(32, Kind.PACKED),
  BF16(16, Kind.PACKED),
  BF16X2(32, Kind.PACKED),
  TF32(32, Kind.PACKED),
  PRED(1, Kind.PREDICATE);

  /** What the bits of a type mean; formats that registers hold as plain bits are packed. */
  enum Kind {
    BITS,
    UNSIGNED,
    SIGNED,
    FLOAT,
    PACKED,
    PREDICATE
  }

  private static final Map<String, Type> BY_NAME = new HashMap<>();

  static {
    for (Type type : values()) {
      BY_NAME.put(type.name().toLowerCase(Locale.ROOT), type);
    }
  }

  final int bits;
  final int bytes;
  final Kind kind;

  /** The bits of a value of this type in a long. */
  final long mask;

  Type(int bits, Kind kind) {
    this.bits = bits;
    this.bytes = Math.ceilDiv(bits, 8);
    this.kind = kind;
    this.mask = -1L >>> (64 - bits);
  }

  /** Returns a type by its name without the dot, or null. */
  static @Nullable Type of(String name) {
    return BY_NAME.get(name);
  }

  boolean isSigned() {
    return kind == Kind.SIGNED;
  }

  boolean isFloat() {
    return kind == Kind.FLOAT || kind == Kind.PACKED;
  }

  boolean isInteger() {
    return kind == Kind.BITS || kind == Kind.UNSIGNED || kind == Kind.SIGNED;
  }

  /** Returns a value of this type as a long: signed types with their sign. */
  long widen(long value) {
    int unused = 64 - bits;
    return isSigned() ? value << unused >> unused : value & mask;
  }

  /** Returns whether a register of this type may stand where an instruction takes another type. */
  boolean agreesWith(Type instruction) {
    if (bits != instruction.bits) {
      return false;
    }
    if (this == instruction || kind == Kind.BITS || instruction.kind == Kind.BITS) {
      return kind != Kind.PREDICATE || instruction.kind == Kind.PREDICATE;
    }
    return isInteger() && instruction.isInteger();
  }

  /** Returns whether a register of this type may be loaded, stored or converted as another type. */
  boolean holds(Type instruction) {
    if (bits == instruction.bits) {
      return agreesWith(instruction);
    }
    return bits > instruction.bits && (isInteger() || instruction.kind == Kind.BITS);
  }
}
