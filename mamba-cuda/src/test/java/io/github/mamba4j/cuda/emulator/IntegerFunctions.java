package io.github.mamba4j.cuda.emulator;

/** Functions of integers. Operands arrive without a sign, whatever their type. */
final class IntegerFunctions {
  private IntegerFunctions() {}

  static Lanes.Two two(Site site, Type type) {
    if (type.kind == Type.Kind.BITS || type.bits < 16) {
      throw site.error("takes integers of 16, 32 or 64 bits with or without a sign, or floats");
    }
    boolean signed = type.isSigned();
    int s = 64 - type.bits;
    return switch (site.op) {
      case "add" -> (a, b) -> a + b;
      case "sub" -> (a, b) -> a - b;
      case "min" ->
          signed
              ? (a, b) -> Math.min(a << s, b << s) >> s
              : (a, b) -> Long.compareUnsigned(a, b) < 0 ? a : b;
      case "max" ->
          signed
              ? (a, b) -> Math.max(a << s, b << s) >> s
              : (a, b) -> Long.compareUnsigned(a, b) > 0 ? a : b;
      case "div" -> signed ? (a, b) -> (a << s >> s) / (b << s >> s) : Long::divideUnsigned;
      case "rem" -> signed ? (a, b) -> (a << s >> s) % (b << s >> s) : Long::remainderUnsigned;
      default -> throw site.error("does not take integers");
    };
  }

  static Lanes.One one(Site site, Type type) {
    if (!type.isSigned()) {
      throw site.error("takes signed integers or floats");
    }
    int s = 64 - type.bits;
    return switch (site.op) {
      case "neg" -> a -> -a;
      case "abs" -> a -> Math.abs(a << s >> s);
      default -> throw site.error("does not take integers");
    };
  }

  /** Returns the type with twice the bits. */
  static Type twice(Site site, Type type) {
    return switch (type) {
      case U16 -> Type.U32;
      case S16 -> Type.S32;
      case U32 -> Type.U64;
      case S32 -> Type.S64;
      default -> throw site.error("is wide for 16 and 32 bits only");
    };
  }

  /** Returns a product, of which the bits that are wanted are lowest. */
  static Lanes.Two product(Site site, Type type, String part) {
    int bits = type.bits;
    int s = 64 - bits;
    boolean signed = type.isSigned();
    if (type.kind == Type.Kind.BITS || bits < 16 || site.op.equals("fma")) {
      throw site.error("does not take this type");
    }
    if (site.op.equals("mul24")) {
      return signed ? (a, b) -> (a << 40 >> 40) * (b << 40 >> 40) : (a, b) -> low24(a) * low24(b);
    }
    return switch (part) {
      case "lo" -> (a, b) -> a * b;
      case "wide" -> signed ? (a, b) -> (a << s >> s) * (b << s >> s) : (a, b) -> a * b;
      case "hi" -> {
        if (bits == 64) {
          yield signed ? Math::multiplyHigh : Math::unsignedMultiplyHigh;
        }
        yield signed
            ? (a, b) -> ((a << s >> s) * (b << s >> s)) >> bits
            : (a, b) -> (a * b) >>> bits;
      }
      default -> throw site.error("needs .lo, .hi or .wide");
    };
  }

  private static long low24(long value) {
    return value & 0xFF_FFFF;
  }
}
