package io.github.mamba4j.cuda.emulator;

import java.util.Locale;
import java.util.Map;

/** Instructions in which the lanes of a warp exchange values. */
final class WarpOps {
  private WarpOps() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("shfl", WarpOps::shuffle);
    decoders.put("vote", WarpOps::vote);
    decoders.put("match", WarpOps::match);
    decoders.put("redux", WarpOps::reduce);
    decoders.put("activemask", WarpOps::activeMask);
  }

  private static void demand(Warp warp, int member, int lanes) {
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      int lane = Warp.lowest(rest);
      warp.demand((int) warp.r[member][lane], lanes, lane);
    }
  }

  /** Waits for the lanes of a mask. */
  static final class Sync extends Instruction {
    private final int member;

    Sync(int member) {
      this.member = member;
    }

    @Override
    void run(Warp warp, int lanes) {
      demand(warp, member, lanes);
    }
  }

  /** How a shuffle finds the lane that it reads. */
  private enum Mode {
    UP,
    DOWN,
    BFLY,
    IDX;

    int lane(int lane, int by, int first) {
      return switch (this) {
        case UP -> lane - by;
        case DOWN -> lane + by;
        case BFLY -> lane ^ by;
        case IDX -> first | by;
      };
    }
  }

  /** Reads another lane's register. */
  private static final class Shuffle extends Instruction {
    private final Mode mode;
    private final int to;
    private final int within;
    private final int[] from;

    Shuffle(Mode mode, int to, int within, int[] from) {
      this.mode = mode;
      this.to = to;
      this.within = within;
      this.from = from;
    }

    @Override
    void run(Warp warp, int lanes) {
      demand(warp, from[3], lanes);
      long[] value = warp.r[from[0]].clone();
      int valid = 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        int by = (int) warp.r[from[1]][lane] & 31;
        int clamp = (int) warp.r[from[2]][lane];
        int segment = clamp >>> 8 & 31;
        int last = (lane & segment) | (clamp & 31 & ~segment);
        int first = lane & segment;
        int other = mode.lane(lane, mode == Mode.IDX ? by & ~segment : by, first);
        boolean within = mode == Mode.UP ? other >= last : other <= last;
        if (!within) {
          other = lane;
        } else {
          valid |= 1 << lane;
        }
        if ((lanes >>> other & 1) == 0) {
          throw warp.fault(lane, "reads lane " + other + ", which does not take part");
        }
        warp.r[to][lane] = value[other];
      }
      if (within >= 0) {
        warp.p[within] = (warp.p[within] & ~lanes) | valid;
      }
    }
  }

  private static Instruction shuffle(Site site) {
    site.expectOperands(5, 5);
    if (!site.has("sync") || site.type() != Type.B32) {
      throw site.error("is supported as shfl.sync with .b32");
    }
    String mode = site.oneOf("up", "down", "bfly", "idx");
    int[] from = {
      site.source(site.operands.get(1), Type.B32),
      site.source(site.operands.get(2), Type.B32),
      site.source(site.operands.get(3), Type.B32),
      site.source(site.operands.get(4), Type.B32)
    };
    String[] names = site.operands.get(0).split("\\|", -1);
    int to = site.target(names[0].strip(), Type.B32);
    int within = names.length > 1 ? site.target(names[1].strip(), Type.PRED) : -1;
    return new Shuffle(Mode.valueOf(mode.toUpperCase(Locale.ROOT)), to, within, from);
  }

  /** Tells all lanes of whose lanes a predicate holds. */
  private static final class Vote extends Instruction {
    private final String mode;
    private final int to;
    private final int predicate;
    private final int flip;
    private final int member;

    Vote(String mode, int to, int predicate, boolean negated, int member) {
      this.mode = mode;
      this.to = to;
      this.predicate = predicate;
      this.flip = negated ? -1 : 0;
      this.member = member;
    }

    @Override
    void run(Warp warp, int lanes) {
      demand(warp, member, lanes);
      int holding = (warp.p[predicate] ^ flip) & lanes;
      if (mode.equals("ballot")) {
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          warp.r[to][Warp.lowest(rest)] = holding & 0xFFFF_FFFFL;
        }
        return;
      }
      boolean result =
          switch (mode) {
            case "all" -> holding == lanes;
            case "any" -> holding != 0;
            default -> holding == 0 || holding == lanes;
          };
      warp.p[to] = result ? warp.p[to] | lanes : warp.p[to] & ~lanes;
    }
  }

  private static Instruction vote(Site site) {
    site.expectOperands(3, 3);
    if (!site.has("sync")) {
      throw site.error("is supported as vote.sync");
    }
    String mode = site.oneOf("all", "any", "uni", "ballot");
    String name = site.operands.get(1);
    boolean negated = name.startsWith("!");
    int predicate = site.predicate(negated ? name.substring(1).strip() : name);
    int member = site.source(site.operands.get(2), Type.B32);
    int to = site.target(site.operands.get(0), mode.equals("ballot") ? Type.B32 : Type.PRED);
    return new Vote(mode, to, predicate, negated, member);
  }

  /** Tells each lane which lanes have the same value, or whether all have. */
  private static final class Match extends Instruction {
    private final int to;
    private final int all;
    private final int value;
    private final int member;

    Match(int to, int all, int value, int member) {
      this.to = to;
      this.all = all;
      this.value = value;
      this.member = member;
    }

    @Override
    void run(Warp warp, int lanes) {
      demand(warp, member, lanes);
      long[] values = warp.r[value].clone();
      int agreeing = 0;
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        int same = 0;
        for (int others = lanes; others != 0; others &= others - 1) {
          int other = Warp.lowest(others);
          same |= values[other] == values[lane] ? 1 << other : 0;
        }
        agreeing |= same == lanes ? 1 << lane : 0;
        warp.r[to][lane] = (all >= 0 && same != lanes ? 0 : same) & 0xFFFF_FFFFL;
      }
      if (all >= 0) {
        warp.p[all] = (warp.p[all] & ~lanes) | agreeing;
      }
    }
  }

  private static Instruction match(Site site) {
    site.expectOperands(3, 3);
    boolean all = site.oneOf("any", "all").equals("all");
    site.has("sync");
    int value = site.source(site.operands.get(1), site.type());
    int member = site.source(site.operands.get(2), Type.B32);
    String[] names = site.operands.get(0).split("\\|", -1);
    int to = site.target(names[0].strip(), Type.B32);
    int agree = all && names.length > 1 ? site.target(names[1].strip(), Type.PRED) : -1;
    return new Match(to, agree, value, member);
  }

  /** Combines the values of all lanes. */
  private static final class Reduce extends Instruction {
    private final int to;
    private final int from;
    private final int member;
    private final Lanes.Two function;

    Reduce(int to, int from, int member, Lanes.Two function) {
      this.to = to;
      this.from = from;
      this.member = member;
      this.function = function;
    }

    @Override
    void run(Warp warp, int lanes) {
      demand(warp, member, lanes);
      int first = Warp.lowest(lanes);
      long result = warp.r[from][first];
      for (int rest = lanes & lanes - 1; rest != 0; rest &= rest - 1) {
        result = function.of(result, warp.r[from][Warp.lowest(rest)]) & Type.B32.mask;
      }
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        warp.r[to][Warp.lowest(rest)] = result;
      }
    }
  }

  private static Instruction reduce(Site site) {
    site.expectOperands(3, 3);
    site.has("sync");
    Type type = site.type();
    String operator = site.oneOf("add", "min", "max", "and", "or", "xor");
    Lanes.Two function =
        switch (operator) {
          case "add" -> Long::sum;
          case "min" -> (a, b) -> Math.min(type.widen(a), type.widen(b));
          case "max" -> (a, b) -> Math.max(type.widen(a), type.widen(b));
          case "and" -> (a, b) -> a & b;
          case "or" -> (a, b) -> a | b;
          default -> (a, b) -> a ^ b;
        };
    int from = site.source(site.operands.get(1), type);
    int member = site.source(site.operands.get(2), Type.B32);
    return new Reduce(site.target(site.operands.get(0), type), from, member, function);
  }

  /** Tells which lanes run. */
  private static final class ActiveMask extends Instruction {
    private final int to;

    ActiveMask(int to) {
      this.to = to;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        warp.r[to][Warp.lowest(rest)] = lanes & 0xFFFF_FFFFL;
      }
    }
  }

  private static Instruction activeMask(Site site) {
    site.expectOperands(1, 1);
    return new ActiveMask(site.target(site.operands.get(0), Type.B32));
  }
}
