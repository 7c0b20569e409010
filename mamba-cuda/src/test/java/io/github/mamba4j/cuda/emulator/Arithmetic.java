package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Sums, products and functions of numbers, of all types. */
final class Arithmetic {
  private Arithmetic() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    for (String op : new String[] {"add", "sub", "min", "max", "div", "rem"}) {
      decoders.put(op, Arithmetic::two);
    }
    for (String op :
        new String[] {"neg", "abs", "rcp", "sqrt", "rsqrt", "ex2", "lg2", "tanh", "sin", "cos"}) {
      decoders.put(op, Arithmetic::one);
    }
    decoders.put("mul", Arithmetic::product);
    decoders.put("mad", Arithmetic::product);
    decoders.put("mul24", Arithmetic::product);
    decoders.put("fma", Arithmetic::product);
    decoders.put("copysign", Arithmetic::copySign);
  }

  private static Instruction two(Site site) {
    Type type = site.type();
    Lanes.Two function =
        type.isFloat() ? FloatFunctions.two(site, type) : IntegerFunctions.two(site, type);
    Instruction fast =
        type.isFloat() ? FastFloats.two(site, type) : FastIntegers.two(site, type, type, type, "");
    return fast != null ? fast : Lanes.binary(site, type, function);
  }

  private static Instruction one(Site site) {
    Type type = site.type();
    Lanes.One function =
        type.isFloat() ? FloatFunctions.one(site, type) : IntegerFunctions.one(site, type);
    return Lanes.unary(site, type, type, function);
  }

  private static Instruction product(Site site) {
    Type type = site.type();
    boolean adds = !site.op.startsWith("mul");
    if (type.isFloat()) {
      Instruction fast = adds ? FastFloats.fma(site, type) : FastFloats.two(site, type);
      if (fast != null) {
        return fast;
      }
      return adds
          ? Lanes.ternary(site, type, type, type, FloatFunctions.fma(site, type))
          : Lanes.binary(site, type, FloatFunctions.two(site, type));
    }
    String part = site.oneOf("lo", "hi", "wide");
    Lanes.Two product = IntegerFunctions.product(site, type, part);
    Type to = part.equals("wide") ? IntegerFunctions.twice(site, type) : type;
    Instruction fast =
        adds
            ? FastIntegers.three(site, to, type, part)
            : FastIntegers.two(site, to, type, type, part);
    if (fast != null) {
      return fast;
    }
    return adds
        ? Lanes.ternary(site, to, type, to, (a, b, c) -> product.of(a, b) + c)
        : Lanes.binary(site, to, type, type, product);
  }

  private static Instruction copySign(Site site) {
    Type type = site.type();
    if (type != Type.F32 && type != Type.F64) {
      throw site.error("takes .f32 or .f64");
    }
    long sign = type == Type.F32 ? 1L << 31 : 1L << 63;
    return Lanes.binary(site, type, (a, b) -> (a & sign) | (b & ~sign));
  }
}
