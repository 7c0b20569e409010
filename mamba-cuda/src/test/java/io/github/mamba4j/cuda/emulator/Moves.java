package io.github.mamba4j.cuda.emulator;

import java.util.List;
import java.util.Map;

/** Moves between registers, also of several into one and back, and addresses. */
final class Moves {
  private Moves() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("mov", Moves::move);
    decoders.put("cvta", Moves::address);
  }

  /** Copies a register. */
  private static final class Copy extends Instruction {
    private final int to;
    private final int from;

    Copy(int to, int from) {
      this.to = to;
      this.from = from;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] y = warp.r[to];
      long[] x = warp.r[from];
      if (lanes == Warp.ALL) {
        System.arraycopy(x, 0, y, 0, Warp.LANES);
        return;
      }
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        y[i] = x[i];
      }
    }
  }

  /** Puts several registers into one. */
  private static final class Pack extends Instruction {
    private final int to;
    private final int[] from;
    private final int bits;

    Pack(int to, int[] from, int bits) {
      this.to = to;
      this.from = from;
      this.bits = bits;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        long value = 0;
        for (int k = from.length - 1; k >= 0; k--) {
          value = value << bits | warp.r[from[k]][i];
        }
        warp.r[to][i] = value;
      }
    }
  }

  /** Takes one register into several. */
  private static final class Unpack extends Instruction {
    private final int[] to;
    private final int from;
    private final int bits;

    Unpack(int[] to, int from, int bits) {
      this.to = to;
      this.from = from;
      this.bits = bits;
    }

    @Override
    void run(Warp warp, int lanes) {
      long mask = -1L >>> (64 - bits);
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int i = Warp.lowest(rest);
        long value = warp.r[from][i];
        for (int k = 0; k < to.length; k++) {
          warp.r[to[k]][i] = value >>> (k * bits) & mask;
        }
      }
    }
  }

  private static Instruction move(Site site) {
    site.expectOperands(2, 2);
    Type type = site.type();
    String to = site.operands.get(0);
    String from = site.operands.get(1);
    if (type == Type.PRED) {
      int a = site.predicate(from);
      return new Bits.PredicateLogic(site.target(to, type), a, a, (x, same) -> x);
    }
    if (to.startsWith("{") || from.startsWith("{")) {
      return pack(site, type, to, from);
    }
    int source = site.source(from, type);
    return new Copy(site.target(to, type), source);
  }

  private static Instruction pack(Site site, Type type, String to, String from) {
    List<String> many = Site.elements(to.startsWith("{") ? to : from);
    int bits = type.bits / many.size();
    Type part = Type.of("b" + bits);
    if (type.kind != Type.Kind.BITS || part == null || many.size() * bits != type.bits) {
      throw site.error("moves .b32 or .b64 to or from two or four registers");
    }
    site.expectOneType(many);
    if (to.startsWith("{")) {
      int source = site.source(from, type);
      int[] targets = many.stream().mapToInt(name -> site.target(name, part)).toArray();
      return new Unpack(targets, source, bits);
    }
    int[] sources = many.stream().mapToInt(name -> site.source(name, part)).toArray();
    return new Pack(site.target(to, type), sources, bits);
  }

  /** Distance from a place in a space to its generic address. */
  static long window(Space space) {
    return space == Space.SHARED ? MemoryOps.SHARED_WINDOW : 0;
  }

  private static Instruction address(Site site) {
    boolean toSpace = site.has("to");
    String name = site.oneOf("shared", "global", "const", "param");
    site.ignoreStarting("shared");
    if (name.equals("param") || site.types().getLast().bits != 64) {
      throw site.error("is supported for 64 bits in shared and global memory");
    }
    long window = window(name.equals("shared") ? Space.SHARED : Space.GLOBAL);
    return Lanes.unary(site, site.type(), site.type(), a -> toSpace ? a - window : a + window);
  }
}
