package io.github.mamba4j.cuda.emulator;

/**
 * Functions of floating-point numbers of all formats. Approximate ones are computed in double and
 * rounded once.
 */
final class FloatFunctions {
  private static final double LN_2 = Math.log(2);

  private FloatFunctions() {}

  /** A function of doubles. */
  private interface Real {
    double of(double x);
  }

  /** A function of two floats. */
  private interface Floats2 {
    float of(float a, float b);
  }

  /** A function of two doubles. */
  private interface Doubles2 {
    double of(double a, double b);
  }

  static Lanes.Two two(Site site, Type type) {
    boolean ftz = site.has("ftz");
    boolean nan = site.has("NaN");
    boolean saturates = site.has("sat");
    boolean cuts = site.has("rz");
    boolean rounded = site.op.equals("mul") || site.op.equals("add") || site.op.equals("sub");
    if (cuts && !(rounded && type == Type.F32)) {
      throw site.error("modifier .rz is not supported here");
    }
    if (site.op.equals("div")) {
      if (site.oneOf("rn", "full", "approx").isEmpty()) {
        throw site.error("needs .rn, .full or .approx");
      }
    } else if (rounded) {
      site.ignore("rn");
    }
    Lanes.Two function =
        switch (type) {
          case F32 -> two32(site, nan, cuts);
          case F64 -> two64(site);
          default -> halves(site, type, floats(site, nan));
        };
    Lanes.Two flushed = ftz && type == Type.F32 ? flushed(function) : function;
    if (saturates && type != Type.F32) {
      throw site.error("modifier .sat is supported for .f32 only");
    }
    return saturates ? (a, b) -> saturate(flushed.of(a, b)) : flushed;
  }

  private static long saturate(long bits) {
    float value = Floats.f32(bits);
    return value > 0 ? Floats.bits(Math.min(value, 1)) : 0;
  }

  private static Lanes.Two flushed(Lanes.Two function) {
    return (a, b) -> flush(function.of(flush(a), flush(b)));
  }

  private static long flush(long bits) {
    return Floats.bits(Floats.flush(Floats.f32(bits)));
  }

  private static Lanes.Two two32(Site site, boolean nan, boolean cuts) {
    if (cuts) {
      Doubles2 exact = doubles(site);
      return (a, b) -> Floats.bits(cut(exact, Floats.f32(a), Floats.f32(b), site.op));
    }
    Floats2 function = floats(site, nan);
    return (a, b) -> Floats.bits(function.of(Floats.f32(a), Floats.f32(b)));
  }

  /** Rounds towards zero; a sum's double may be rounded itself, so its rest decides. */
  private static float cut(Doubles2 function, double a, double b, String op) {
    double value = function.of(a, b);
    if (!op.equals("mul")) {
      double other = op.equals("sub") ? -b : b;
      double part = value - a;
      double rest = a - (value - part) + (other - part);
      if (rest != 0 && rest > 0 != value > 0 && (float) value == value) {
        value = Math.nextAfter(value, 0);
      }
    }
    return Floats.towardsZero(value);
  }

  private static Lanes.Two two64(Site site) {
    Doubles2 function = doubles(site);
    return (a, b) -> Floats.bits(function.of(Floats.f64(a), Floats.f64(b)));
  }

  private static Lanes.Two halves(Site site, Type type, Floats2 function) {
    if (site.op.equals("div")) {
      throw site.error("does not take this type");
    }
    // A float holds the exact product of two such numbers; a sum's is rounded to odd.
    boolean sum = site.op.equals("add") || site.op.equals("sub");
    float sign = site.op.equals("sub") ? -1 : 1;
    Floats2 exact = sum ? (a, b) -> Floats.fmaToOdd(b, sign, a) : function;
    Format format = Format.of(site, type);
    Lanes.Two one = (a, b) -> format.pack(exact.of(format.unpack(a), format.unpack(b)));
    return type.bits == 16
        ? one
        : (a, b) -> pair(one.of(low(a), low(b)), one.of(a >>> 16, b >>> 16));
  }

  private static long low(long pair) {
    return pair & 0xFFFF;
  }

  private static long pair(long low, long high) {
    return (low & 0xFFFF) | (high & 0xFFFF) << 16;
  }

  private static Floats2 floats(Site site, boolean nan) {
    return switch (site.op) {
      case "add" -> Float::sum;
      case "sub" -> (a, b) -> a - b;
      case "mul" -> (a, b) -> a * b;
      case "div" -> (a, b) -> a / b;
      case "min" ->
          nan ? Math::min : (a, b) -> Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.min(a, b);
      case "max" ->
          nan ? Math::max : (a, b) -> Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.max(a, b);
      default -> throw site.error("does not take floats");
    };
  }

  private static Doubles2 doubles(Site site) {
    return switch (site.op) {
      case "add" -> Double::sum;
      case "sub" -> (a, b) -> a - b;
      case "mul" -> (a, b) -> a * b;
      case "div" -> (a, b) -> a / b;
      case "min" -> (a, b) -> Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.min(a, b);
      case "max" -> (a, b) -> Double.isNaN(a) ? b : Double.isNaN(b) ? a : Math.max(a, b);
      default -> throw site.error("does not take floats");
    };
  }

  static Lanes.Three fma(Site site, Type type) {
    if (!site.has("rn") || site.has("sat")) {
      throw site.error("needs .rn; .sat and other roundings are not supported");
    }
    boolean ftz = site.has("ftz");
    return switch (type) {
      case F32 -> {
        Lanes.Three plain =
            (a, b, c) -> Floats.bits(Math.fma(Floats.f32(a), Floats.f32(b), Floats.f32(c)));
        yield ftz ? (a, b, c) -> flush(plain.of(flush(a), flush(b), flush(c))) : plain;
      }
      case F64 -> (a, b, c) -> Floats.bits(Math.fma(Floats.f64(a), Floats.f64(b), Floats.f64(c)));
      default -> {
        Format format = Format.of(site, type);
        boolean relu = site.has("relu");
        Lanes.Three one =
            (a, b, c) -> {
              float value = Floats.fmaToOdd(format.unpack(a), format.unpack(b), format.unpack(c));
              return format.pack(relu && !(value > 0) && !Float.isNaN(value) ? 0 : value);
            };
        yield type.bits == 16
            ? one
            : (a, b, c) ->
                pair(one.of(low(a), low(b), low(c)), one.of(a >>> 16, b >>> 16, c >>> 16));
      }
    };
  }

  static Lanes.One one(Site site, Type type) {
    if (site.op.equals("neg") || site.op.equals("abs")) {
      return sign(site, type);
    }
    if (site.oneOf("rn", "approx").isEmpty()) {
      throw site.error("needs .rn or .approx");
    }
    boolean ftz = site.has("ftz");
    Real function = real(site);
    return switch (type) {
      case F32 -> {
        Lanes.One plain = a -> Floats.bits((float) function.of(Floats.f32(a)));
        yield ftz ? a -> flush(plain.of(flush(a))) : plain;
      }
      case F64 -> a -> Floats.bits(function.of(Floats.f64(a)));
      default -> {
        Format format = Format.of(site, type);
        Lanes.One one = a -> format.pack(Floats.toOdd(function.of(format.unpack(a))));
        yield type.bits == 16 ? one : a -> pair(one.of(low(a)), one.of(a >>> 16));
      }
    };
  }

  private static Lanes.One sign(Site site, Type type) {
    site.ignore("ftz");
    boolean packed = type == Type.F16X2 || type == Type.BF16X2;
    long sign = packed ? 0x8000_8000L : 1L << (type.bits - 1);
    return site.op.equals("neg") ? a -> a ^ sign : a -> a & ~sign;
  }

  private static Real real(Site site) {
    return switch (site.op) {
      case "rcp" -> x -> 1 / x;
      case "sqrt" -> Math::sqrt;
      case "rsqrt" -> x -> 1 / Math.sqrt(x);
      case "ex2" -> x -> x == Math.rint(x) ? Math.pow(2, x) : Math.exp(x * LN_2);
      case "lg2" -> FloatFunctions::log2;
      case "tanh" -> Math::tanh;
      case "sin" -> Math::sin;
      case "cos" -> Math::cos;
      default -> throw site.error("does not take floats");
    };
  }

  private static double log2(double x) {
    int exponent = Math.getExponent(x);
    boolean power = x > 0 && x == Math.scalb(1.0, exponent);
    return power ? exponent : Math.log(x) / LN_2;
  }
}
