package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Comparisons and choices. */
final class Comparisons {
  private static final String[] OPERATORS = {
    "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu",
    "geu", "num", "nan"
  };

  private Comparisons() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("setp", Comparisons::setPredicate);
    decoders.put("set", Comparisons::set);
    decoders.put("selp", Comparisons::select);
    decoders.put("slct", Comparisons::selectBySign);
  }

  /** Compares the bits of two operands. */
  private interface Test {
    boolean of(long a, long b);
  }

  private static Test test(Site site, Type type) {
    String operator = site.oneOf(OPERATORS);
    site.ignore("ftz");
    return switch (type.kind) {
      case FLOAT, PACKED -> floats(site, operator, type);
      case PREDICATE -> throw site.error("does not compare predicates");
      default -> integers(site, operator, type);
    };
  }

  private static Test integers(Site site, String operator, Type type) {
    boolean signed = type.isSigned();
    int s = 64 - type.bits;
    if (type.kind == Type.Kind.BITS && !operator.equals("eq") && !operator.equals("ne")) {
      throw site.error("bits can be equal or not, but have no order");
    }
    return switch (operator) {
      case "eq" -> (a, b) -> a == b;
      case "ne" -> (a, b) -> a != b;
      case "lt", "lo" ->
          signed ? (a, b) -> a << s < b << s : (a, b) -> Long.compareUnsigned(a, b) < 0;
      case "le", "ls" ->
          signed ? (a, b) -> a << s <= b << s : (a, b) -> Long.compareUnsigned(a, b) <= 0;
      case "gt", "hi" ->
          signed ? (a, b) -> a << s > b << s : (a, b) -> Long.compareUnsigned(a, b) > 0;
      case "ge", "hs" ->
          signed ? (a, b) -> a << s >= b << s : (a, b) -> Long.compareUnsigned(a, b) >= 0;
      default -> throw site.error("does not compare integers so");
    };
  }

  /** Compares two numbers. */
  private interface Doubles {
    boolean of(double a, double b);
  }

  private static Test floats(Site site, String operator, Type type) {
    Doubles test = doubles(site, operator);
    return switch (type) {
      case F32 -> (a, b) -> test.of(Floats.f32(a), Floats.f32(b));
      case F64 -> (a, b) -> test.of(Floats.f64(a), Floats.f64(b));
      case F16 -> (a, b) -> test.of(Floats.f16(a), Floats.f16(b));
      case BF16 -> (a, b) -> test.of(Floats.bf16(a), Floats.bf16(b));
      default -> throw site.error("does not compare this type");
    };
  }

  private static Doubles doubles(Site site, String operator) {
    return switch (operator) {
      case "eq" -> (a, b) -> a == b;
      case "ne" -> (a, b) -> a < b || a > b;
      case "lt" -> (a, b) -> a < b;
      case "le" -> (a, b) -> a <= b;
      case "gt" -> (a, b) -> a > b;
      case "ge" -> (a, b) -> a >= b;
      case "equ" -> (a, b) -> !(a < b || a > b);
      case "neu" -> (a, b) -> a != b;
      case "ltu" -> (a, b) -> !(a >= b);
      case "leu" -> (a, b) -> !(a > b);
      case "gtu" -> (a, b) -> !(a <= b);
      case "geu" -> (a, b) -> !(a < b);
      case "num" -> (a, b) -> !Double.isNaN(a) && !Double.isNaN(b);
      case "nan" -> (a, b) -> Double.isNaN(a) || Double.isNaN(b);
      default -> throw site.error("does not compare floats so");
    };
  }

  /** The lanes in which a comparison holds. */
  private static int mask(Test test, long[] a, long[] b, int lanes) {
    int mask = 0;
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      int i = Warp.lowest(rest);
      if (test.of(a[i], b[i])) {
        mask |= 1 << i;
      }
    }
    return mask;
  }

  /** Sets one or two predicates. */
  private static final class SetPredicate extends Instruction {
    private final int to;
    private final int complement;
    private final int[] from;
    private final Test test;
    private final Combination combination;

    SetPredicate(int to, int complement, int[] from, Test test, Combination combination) {
      this.to = to;
      this.complement = complement;
      this.from = from;
      this.test = test;
      this.combination = combination;
    }

    @Override
    void run(Warp warp, int lanes) {
      int mask = mask(test, warp.r[from[0]], warp.r[from[1]], lanes);
      int other = combination.of(warp, ~mask);
      mask = combination.of(warp, mask);
      warp.p[to] = (warp.p[to] & ~lanes) | (mask & lanes);
      if (complement >= 0) {
        warp.p[complement] = (warp.p[complement] & ~lanes) | (other & lanes);
      }
    }
  }

  /** What a comparison's result is combined with. */
  private interface Combination {
    int of(Warp warp, int mask);
  }

  private static Combination combination(Site site) {
    String operator = site.oneOf("and", "or", "xor");
    site.expectOperands(operator.isEmpty() ? 3 : 4, operator.isEmpty() ? 3 : 4);
    if (operator.isEmpty()) {
      return (warp, mask) -> mask;
    }
    String name = site.operands.get(3);
    boolean negated = name.startsWith("!");
    int register = site.predicate(negated ? name.substring(1).strip() : name);
    int flip = negated ? -1 : 0;
    return switch (operator) {
      case "and" -> (warp, mask) -> mask & (warp.p[register] ^ flip);
      case "or" -> (warp, mask) -> mask | (warp.p[register] ^ flip);
      default -> (warp, mask) -> mask ^ warp.p[register] ^ flip;
    };
  }

  private static Instruction setPredicate(Site site) {
    Type type = site.type();
    Test test = test(site, type);
    Combination combination = combination(site);
    int[] from = {site.source(site.operands.get(1), type), site.source(site.operands.get(2), type)};
    String[] names = site.operands.get(0).split("\\|", -1);
    int to = site.target(names[0].strip(), Type.PRED);
    int complement = names.length > 1 ? site.target(names[1].strip(), Type.PRED) : -1;
    return new SetPredicate(to, complement, from, test, combination);
  }

  /** Sets a register to all ones or 1.0 where a comparison holds. */
  private static final class Set extends Instruction {
    private final int to;
    private final int[] from;
    private final Test test;
    private final Combination combination;
    private final long truth;

    Set(int to, int[] from, Test test, Combination combination, long truth) {
      this.to = to;
      this.from = from;
      this.test = test;
      this.combination = combination;
      this.truth = truth;
    }

    @Override
    void run(Warp warp, int lanes) {
      int mask = mask(test, warp.r[from[0]], warp.r[from[1]], lanes);
      mask = combination.of(warp, mask);
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        warp.r[to][i] = (mask >>> i & 1) != 0 ? truth : 0;
      }
    }
  }

  private static Instruction set(Site site) {
    if (site.types().size() != 2) {
      throw site.error("needs two types");
    }
    Type to = site.types().get(0);
    Type type = site.types().get(1);
    Test test = test(site, type);
    Combination combination = combination(site);
    int[] from = {site.source(site.operands.get(1), type), site.source(site.operands.get(2), type)};
    long truth = to == Type.F32 ? Floats.bits(1f) : Type.U32.mask;
    int target = site.target(site.operands.get(0), to);
    return new Set(target, from, test, combination, truth);
  }

  /** Takes one of two values by a predicate. */
  private static final class Select extends Instruction {
    private final int to;
    private final int a;
    private final int b;
    private final int predicate;

    Select(int to, int a, int b, int predicate) {
      this.to = to;
      this.a = a;
      this.b = b;
      this.predicate = predicate;
    }

    @Override
    void run(Warp warp, int lanes) {
      int mask = warp.p[predicate];
      long[] y = warp.r[to];
      long[] left = warp.r[a];
      long[] right = warp.r[b];
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        y[i] = (mask >>> i & 1) != 0 ? left[i] : right[i];
      }
    }
  }

  private static Instruction select(Site site) {
    site.expectOperands(4, 4);
    Type type = site.type();
    int a = site.source(site.operands.get(1), type);
    int b = site.source(site.operands.get(2), type);
    int predicate = site.predicate(site.operands.get(3));
    return new Select(site.target(site.operands.get(0), type), a, b, predicate);
  }

  private static Instruction selectBySign(Site site) {
    site.ignore("ftz");
    Type type = site.types().get(0);
    Type sign = site.type();
    Lanes.Three function =
        sign == Type.F32
            ? (a, b, c) -> Floats.f32(c) >= 0 ? a : b
            : (a, b, c) -> (int) c >= 0 ? a : b;
    return Lanes.ternary(site, type, type, sign, function);
  }
}
