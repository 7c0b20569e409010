package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Conversions between types. */
final class Conversions {
  private Conversions() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("cvt", Conversions::convert);
  }

  /** A conversion to a number. */
  private interface Reader {
    double of(long bits);
  }

  private static Instruction convert(Site site) {
    if (site.types().size() != 2) {
      throw site.error("needs two types");
    }
    Type to = site.types().get(0);
    Type from = site.types().get(1);
    if (to == Type.F16X2 || to == Type.BF16X2) {
      return pair(site, to, from);
    }
    site.expectOperands(2, 2);
    String rounding = site.oneOf("rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi");
    boolean saturates = site.has("sat");
    boolean relu = site.has("relu");
    boolean ftz = site.has("ftz");
    Lanes.One function;
    if (to.isFloat()) {
      function = from.isFloat() ? floats(site, to, from, rounding) : fromInteger(site, to, from);
      function = ftz && to == Type.F32 ? flushed(function, from) : function;
      function = saturates ? saturated(site, function, to) : function;
      function = relu ? positive(function, to) : function;
    } else {
      function =
          from.isFloat()
              ? toInteger(site, to, from, rounding)
              : saturates ? clamped(to, from) : from::widen;
    }
    Lanes.One result = function;
    int source = site.source(site.operands.get(1), from, true);
    long mask = from.mask;
    String name = site.operands.get(0);
    int target = site.target(name, to, true);
    long targetMask = site.declared(name).mask;
    // Registers wider than the type: the source is cut, the result extended with its sign.
    return new Lanes.Unary(
        target, source, targetMask, a -> to.widen(result.of(a & mask) & to.mask));
  }

  private static Lanes.One flushed(Lanes.One function, Type from) {
    return a -> {
      long value = from == Type.F32 ? Floats.bits(Floats.flush(Floats.f32(a))) : a;
      return Floats.bits(Floats.flush(Floats.f32(function.of(value))));
    };
  }

  private static Lanes.One saturated(Site site, Lanes.One function, Type to) {
    if (to != Type.F32) {
      throw site.error("modifier .sat is supported for .f32 and integers only");
    }
    return a -> {
      float value = Floats.f32(function.of(a));
      return value > 0 ? Floats.bits(Math.min(value, 1)) : 0;
    };
  }

  private static Lanes.One positive(Lanes.One function, Type to) {
    long sign = 1L << (to.bits - 1);
    return a -> {
      long bits = function.of(a);
      boolean nan = (bits & sign - 1) == sign - 1;
      return (bits & sign) != 0 && !nan ? 0 : bits;
    };
  }

  private static Lanes.One clamped(Type to, Type from) {
    long most = to.isSigned() ? to.mask >>> 1 : to.mask;
    long least = to.isSigned() ? ~most : 0;
    boolean unsignedWide = from == Type.U64;
    return a -> {
      long value = from.widen(a);
      if (unsignedWide && value < 0) {
        return most;
      }
      boolean wide = to == Type.U64;
      return wide ? Math.max(value, 0) : Math.clamp(value, least, most);
    };
  }

  private static Reader reader(Site site, Type from) {
    return switch (from) {
      case F16 -> Floats::f16;
      case BF16 -> Floats::bf16;
      case F32 -> Floats::f32;
      case F64 -> Floats::f64;
      default -> throw site.error("does not convert from this type");
    };
  }

  private static double integral(double value, String rounding) {
    return switch (rounding) {
      case "rni" -> Math.rint(value);
      case "rzi" -> value < 0 ? Math.ceil(value) : Math.floor(value);
      case "rmi" -> Math.floor(value);
      default -> Math.ceil(value);
    };
  }

  private static Lanes.One floats(Site site, Type to, Type from, String rounding) {
    Reader reader = reader(site, from);
    boolean narrows = to.bits < from.bits || to == Type.TF32;
    if (rounding.endsWith("i")) {
      if (to != from) {
        throw site.error("rounds to an integer and converts at once");
      }
      return to == Type.F32
          ? a -> Floats.bits((float) integral(reader.of(a), rounding))
          : a -> Floats.bits(integral(reader.of(a), rounding));
    }
    if (narrows == rounding.isEmpty()) {
      throw site.error(narrows ? "needs a rounding" : "takes no rounding");
    }
    boolean cuts = rounding.equals("rz");
    if (narrows && !cuts && !rounding.equals(to == Type.TF32 ? "rna" : "rn")) {
      throw site.error("modifier ." + rounding + " is not supported here");
    }
    // A double is first brought to a float that can be rounded once more as if it were exact.
    boolean exact = from != Type.F64;
    return switch (to) {
      case F64 -> a -> Floats.bits(reader.of(a));
      case F32 ->
          cuts
              ? a -> Floats.bits(Floats.towardsZero(reader.of(a)))
              : a -> Floats.bits((float) reader.of(a));
      case F16, BF16 -> {
        Format format = Format.of(site, to);
        yield a -> {
          double value = reader.of(a);
          float narrow = exact ? (float) value : Floats.toOdd(value);
          return cuts ? format.cut(narrow) : format.pack(narrow);
        };
      }
      case TF32 -> a -> Floats.toTf32(Floats.f32(a));
      default -> throw site.error("does not convert to this type");
    };
  }

  private static Lanes.One fromInteger(Site site, Type to, Type from) {
    // The rounding has been read, but only rounding to nearest is supported.
    if (!site.has("rn")) {
      throw site.error("needs .rn; other roundings are not supported");
    }
    boolean unsignedWide = from == Type.U64;
    return switch (to) {
      case F32 -> a -> Floats.bits(unsignedWide && a < 0 ? unsigned32(a) : (float) from.widen(a));
      case F64 -> a -> Floats.bits(unsignedWide && a < 0 ? unsigned64(a) : from.widen(a));
      case F16, BF16 -> {
        Format format = Format.of(site, to);
        yield a -> format.pack(Floats.toOdd((double) from.widen(a)));
      }
      default -> throw site.error("does not convert to this type");
    };
  }

  /** Halves a number of 64 bits, keeping what rounding needs to know, and doubles it again. */
  private static float unsigned32(long value) {
    return (value >>> 1 | (value & 1)) * 2f;
  }

  private static double unsigned64(long value) {
    return (value >>> 1 | (value & 1)) * 2.0;
  }

  private static Lanes.One toInteger(Site site, Type to, Type from, String rounding) {
    if (!rounding.endsWith("i")) {
      throw site.error("needs .rni, .rzi, .rmi or .rpi");
    }
    Reader reader = reader(site, from);
    long most = to.isSigned() ? to.mask >>> 1 : to.mask;
    long least = to.isSigned() ? ~most : 0;
    if (to == Type.U64) {
      return a -> toUnsigned(integral(reader.of(a), rounding));
    }
    return a -> Math.clamp((long) integral(reader.of(a), rounding), least, most);
  }

  private static long toUnsigned(double value) {
    if (value >= 0x1p63) {
      return value >= 0x1p64 ? -1 : (long) (value - 0x1p63) + Long.MIN_VALUE;
    }
    return value > 0 ? (long) value : 0;
  }

  private static Instruction pair(Site site, Type to, Type from) {
    if (from != Type.F32) {
      throw site.error("makes pairs of .f32 only");
    }
    boolean cuts = site.oneOf("rn", "rz").equals("rz");
    boolean relu = site.has("relu");
    Format format = Format.of(site, to);
    Lanes.One one =
        bits -> {
          float value = Floats.f32(bits);
          value = relu && value < 0 ? 0 : value;
          return cuts ? format.cut(value) : format.pack(value);
        };
    return Lanes.binary(site, to, from, from, (high, low) -> one.of(high) << 16 | one.of(low));
  }
}
