package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Instructions of bits, and the same ones of predicates. */
final class Bits {
  private Bits() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("and", site -> logic(site, (a, b) -> a & b));
    decoders.put("or", site -> logic(site, (a, b) -> a | b));
    decoders.put("xor", site -> logic(site, (a, b) -> a ^ b));
    decoders.put("not", Bits::not);
    decoders.put("cnot", site -> Lanes.unary(site, bits(site), bits(site), a -> a == 0 ? 1 : 0));
    decoders.put("shl", Bits::shiftLeft);
    decoders.put("shr", Bits::shiftRight);
    decoders.put("shf", Bits::funnel);
    decoders.put("popc", site -> count(site, Long::bitCount));
    decoders.put("clz", Bits::leadingZeros);
    decoders.put("brev", Bits::reverse);
    decoders.put("bfe", Bits::extract);
    decoders.put("bfi", Bits::insert);
    decoders.put("prmt", Bits::permute);
    decoders.put("lop3", Bits::lookUp);
  }

  /** A function of masks of lanes. */
  static final class PredicateLogic extends Instruction {
    private final int to;
    private final int a;
    private final int b;
    private final Lanes.Two function;

    PredicateLogic(int to, int a, int b, Lanes.Two function) {
      this.to = to;
      this.a = a;
      this.b = b;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      int value = (int) function.of(warp.p[a], warp.p[b]);
      warp.p[to] = (warp.p[to] & ~lanes) | (value & lanes);
    }
  }

  private static Type bits(Site site) {
    Type type = site.type();
    if (type.kind != Type.Kind.BITS || type.bits < 16) {
      throw site.error("takes .b16, .b32 or .b64");
    }
    return type;
  }

  private static Instruction logic(Site site, Lanes.Two function) {
    if (site.type() == Type.PRED) {
      site.expectOperands(3, 3);
      int a = site.predicate(site.operands.get(1));
      int b = site.predicate(site.operands.get(2));
      return new PredicateLogic(site.target(site.operands.get(0), Type.PRED), a, b, function);
    }
    Type type = bits(site);
    Instruction fast = FastIntegers.two(site, type, type, type, "");
    return fast != null ? fast : Lanes.binary(site, type, function);
  }

  private static Instruction not(Site site) {
    if (site.type() == Type.PRED) {
      site.expectOperands(2, 2);
      int a = site.predicate(site.operands.get(1));
      int to = site.target(site.operands.get(0), Type.PRED);
      return new PredicateLogic(to, a, a, (x, same) -> ~x);
    }
    return Lanes.unary(site, bits(site), bits(site), a -> ~a);
  }

  private static Instruction shiftLeft(Site site) {
    Type type = bits(site);
    return FastIntegers.two(site, type, type, Type.U32, "");
  }

  private static Instruction shiftRight(Site site) {
    Type type = site.type();
    Instruction unsigned = FastIntegers.two(site, type, type, Type.U32, "");
    int most = type.bits - 1;
    return unsigned != null
        ? unsigned
        : Lanes.binary(
            site, type, type, Type.U32, (a, b) -> type.widen(a) >> (int) Math.min(b, most));
  }

  private static Instruction funnel(Site site) {
    boolean left = site.oneOf("l", "r").equals("l");
    boolean wraps = site.oneOf("wrap", "clamp").equals("wrap");
    Lanes.Three function =
        (low, high, by) -> {
          int shift = (int) (wraps ? by & 31 : Math.min(by, 32));
          long both = high << 32 | low;
          return left ? both << shift >>> 32 : shift == 32 ? high : both >>> shift;
        };
    return Lanes.ternary(site, Type.B32, Type.B32, Type.U32, function);
  }

  private static Instruction count(Site site, Lanes.One function) {
    return Lanes.unary(site, Type.U32, bits(site), function);
  }

  private static Instruction leadingZeros(Site site) {
    int unused = 64 - site.type().bits;
    return count(site, a -> Long.numberOfLeadingZeros(a) - unused);
  }

  private static Instruction reverse(Site site) {
    Type type = bits(site);
    int unused = 64 - type.bits;
    return Lanes.unary(site, type, type, a -> Long.reverse(a) >>> unused);
  }

  private static Instruction extract(Site site) {
    site.expectOperands(4, 4);
    Type type = site.type();
    int[] from = {
      site.source(site.operands.get(1), type),
      site.source(site.operands.get(2), Type.U32),
      site.source(site.operands.get(3), Type.U32)
    };
    Lanes.Three function =
        (a, position, length) -> {
          int at = (int) (position & 0xFF);
          int count = (int) (length & 0xFF);
          if (count == 0) {
            return 0;
          }
          // Past the last bit, the sign or zero goes on.
          long rest = type.widen(a) >> Math.min(at, 63);
          rest = at >= type.bits ? type.isSigned() ? type.widen(a) >> 63 : 0 : rest;
          if (!type.isSigned() && at < type.bits) {
            rest = a >>> at;
          }
          if (count >= type.bits - Math.min(at, type.bits)) {
            return rest;
          }
          int unused = 64 - count;
          return type.isSigned() ? rest << unused >> unused : rest << unused >>> unused;
        };
    return new Lanes.Ternary(site.target(site.operands.get(0), type), from, type.mask, function);
  }

  /** Puts the lowest bits of one operand into another. */
  private static final class Insert extends Instruction {
    private final int to;
    private final int[] from;
    private final Type type;

    Insert(int to, int[] from, Type type) {
      this.to = to;
      this.from = from;
      this.type = type;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        int at = (int) (warp.r[from[2]][i] & 0xFF);
        int count = (int) Math.min(warp.r[from[3]][i] & 0xFF, 64);
        long field = count == 0 || at >= type.bits ? 0 : -1L >>> (64 - count) << at;
        long value = warp.r[from[0]][i] << Math.min(at, 63) & field;
        warp.r[to][i] = (value | (warp.r[from[1]][i] & ~field)) & type.mask;
      }
    }
  }

  private static Instruction insert(Site site) {
    site.expectOperands(5, 5);
    Type type = bits(site);
    int[] from = {
      site.source(site.operands.get(1), type),
      site.source(site.operands.get(2), type),
      site.source(site.operands.get(3), Type.U32),
      site.source(site.operands.get(4), Type.U32)
    };
    return new Insert(site.target(site.operands.get(0), type), from, type);
  }

  private static Instruction permute(Site site) {
    Lanes.Three function =
        (low, high, selectors) -> {
          long bytes = high << 32 | low;
          long result = 0;
          for (int i = 0; i < 4; i++) {
            int selector = (int) (selectors >>> (4 * i));
            long value = bytes >>> (8 * (selector & 7)) & 0xFF;
            boolean repeatsSign = (selector & 8) != 0;
            value = repeatsSign ? (value & 0x80) != 0 ? 0xFF : 0 : value;
            result |= value << (8 * i);
          }
          return result;
        };
    return Lanes.ternary(site, Type.B32, Type.B32, Type.B32, function);
  }

  private static Instruction lookUp(Site site) {
    site.expectOperands(5, 5);
    int[] from = {
      site.source(site.operands.get(1), Type.B32),
      site.source(site.operands.get(2), Type.B32),
      site.source(site.operands.get(3), Type.B32)
    };
    int table = site.immediate(site.operands.get(4));
    Lanes.Three function =
        (a, b, c) -> {
          long result = 0;
          for (int i = 0; i < 8; i++) {
            if ((table >>> i & 1) != 0) {
              result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
            }
          }
          return result;
        };
    int to = site.target(site.operands.get(0), Type.B32);
    return new Lanes.Ternary(to, from, Type.B32.mask, function);
  }
}
