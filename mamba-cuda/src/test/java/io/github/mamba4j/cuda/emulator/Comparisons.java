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

  private static final int LESS = 1;
  private static final int EQUAL = 2;
  private static final int GREATER = 4;
  private static final int UNORDERED = 8;

  /** By an operator's name, the relations that it accepts. */
  private static final Map<String, Integer> FLOATS =
      Map.ofEntries(
          Map.entry("eq", EQUAL),
          Map.entry("ne", LESS | GREATER),
          Map.entry("lt", LESS),
          Map.entry("le", LESS | EQUAL),
          Map.entry("gt", GREATER),
          Map.entry("ge", GREATER | EQUAL),
          Map.entry("equ", EQUAL | UNORDERED),
          Map.entry("neu", LESS | GREATER | UNORDERED),
          Map.entry("ltu", LESS | UNORDERED),
          Map.entry("leu", LESS | EQUAL | UNORDERED),
          Map.entry("gtu", GREATER | UNORDERED),
          Map.entry("geu", GREATER | EQUAL | UNORDERED),
          Map.entry("num", LESS | EQUAL | GREATER),
          Map.entry("nan", UNORDERED));

  private static final Map<String, Integer> INTEGERS =
      Map.ofEntries(
          Map.entry("eq", EQUAL),
          Map.entry("ne", LESS | GREATER),
          Map.entry("lt", LESS),
          Map.entry("lo", LESS),
          Map.entry("le", LESS | EQUAL),
          Map.entry("ls", LESS | EQUAL),
          Map.entry("gt", GREATER),
          Map.entry("hi", GREATER),
          Map.entry("ge", GREATER | EQUAL),
          Map.entry("hs", GREATER | EQUAL));

  /**
   * Compares numbers of a type.
   *
   * @param accepted the relations that count as true
   */
  private record Test(Type type, int accepted) {
    /** Returns the lanes in which the relation is one of those accepted. */
    int mask(long[] a, long[] b, int lanes) {
      return switch (type) {
        case F32 -> floats(a, b, lanes);
        case F64, F16, BF16 -> doubles(a, b, lanes);
        default -> integers(a, b, lanes);
      };
    }

    private int floats(long[] a, long[] b, int lanes) {
      int mask = 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        float x = Floats.f32(a[i]);
        float y = Floats.f32(b[i]);
        int relation = x < y ? LESS : x > y ? GREATER : x == y ? EQUAL : UNORDERED;
        mask |= (accepted & relation) != 0 ? 1 << i : 0;
      }
      return mask;
    }

    private double value(long bits) {
      return switch (type) {
        case F64 -> Floats.f64(bits);
        case F16 -> Floats.f16(bits);
        default -> Floats.bf16(bits);
      };
    }

    private int doubles(long[] a, long[] b, int lanes) {
      int mask = 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        double x = value(a[i]);
        double y = value(b[i]);
        int relation = x < y ? LESS : x > y ? GREATER : x == y ? EQUAL : UNORDERED;
        mask |= (accepted & relation) != 0 ? 1 << i : 0;
      }
      return mask;
    }

    /** Brings the sign to the highest bit, turned if there is none, and so compares all alike. */
    private int integers(long[] a, long[] b, int lanes) {
      int shift = 64 - type.bits;
      long turn = type.isSigned() ? 0 : Long.MIN_VALUE;
      int mask = 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        long x = a[i] << shift ^ turn;
        long y = b[i] << shift ^ turn;
        int relation = x < y ? LESS : x > y ? GREATER : EQUAL;
        mask |= (accepted & relation) != 0 ? 1 << i : 0;
      }
      return mask;
    }
  }

  private static Test test(Site site, Type type) {
    String operator = site.oneOf(OPERATORS);
    site.ignore("ftz");
    Integer accepted = (type.isFloat() ? FLOATS : INTEGERS).get(operator);
    boolean pairs = type.kind == Type.Kind.PACKED && type != Type.BF16;
    if (accepted == null || pairs || type == Type.PRED) {
      throw site.error("does not compare this type so");
    }
    if (type.kind == Type.Kind.BITS && !operator.equals("eq") && !operator.equals("ne")) {
      throw site.error("bits can be equal or not, but have no order");
    }
    return new Test(type, accepted);
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
      int mask = test.mask(warp.r[from[0]], warp.r[from[1]], lanes);
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
      int mask = test.mask(warp.r[from[0]], warp.r[from[1]], lanes);
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
