package io.github.mamba4j.cuda.emulator;

import java.util.Arrays;

/**
 * Threads that run in step. Each lane has its own place in the code; those at the lowest place run
 * until they reach the place of others, so that branches meet again where they join.
 */
final class Warp {
  static final int LANES = 32;
  static final int ALL = -1;

  final Block block;
  final int index;

  /** Bits of the registers, by register and lane. */
  final long[][] r;

  /** Predicates: a bit a lane. */
  final int[] p;

  /** Lanes in which a register has been written. */
  final int[] defined;

  /** What is known of the other warps: accesses up to these clocks happened before. */
  final int[] clocks;

  final AsyncCopies copies = new AsyncCopies();

  /** Lanes that have not returned. */
  int live;

  /** Lanes that run now. */
  int active;

  /** Where the lanes that run go on; the instruction that runs lies before it. */
  int pc;

  /** The barrier that the warp waits at, or -1. */
  int waiting;

  /** Whether others should have a turn. */
  boolean yields;

  /** The registers that instructions before this one have written. */
  Instruction current;

  private final int[] pcs = new int[LANES];
  private int stop;
  private boolean scattered;

  Warp(Block block, int index, Entry entry, int warps) {
    this.block = block;
    this.index = index;
    this.r = new long[entry.registers()][];
    this.p = new int[entry.registers()];
    this.defined = new int[entry.registers()];
    this.clocks = new int[warps];
    this.current = entry.code().getFirst();
    for (int i = 0; i < r.length; i++) {
      r[i] = entry.constants().containsKey(i) ? null : new long[LANES];
    }
  }

  /** Forgets everything and begins at the first instruction. */
  void start(int lanes, int clock) {
    live = lanes;
    active = lanes;
    pc = 0;
    waiting = -1;
    scattered = false;
    stop = Integer.MAX_VALUE;
    Arrays.fill(pcs, 0);
    Arrays.fill(defined, 0);
    Arrays.fill(clocks, clock);
    clocks[index] = clock + 1;
    copies.clear();
  }

  boolean canRun() {
    return live != 0 && waiting < 0;
  }

  int clock() {
    return clocks[index];
  }

  /**
   * Runs until the warp waits, has returned or has used its turn.
   *
   * @return how many instructions it ran
   */
  int run(Instruction[] code, int turn) {
    int count = 0;
    yields = false;
    while (count < turn && live != 0 && waiting < 0 && !yields) {
      if (scattered) {
        gather();
      }
      Instruction instruction = code[pc++];
      current = instruction;
      int lanes = active;
      int guard = instruction.guard;
      if (guard >= 0) {
        if ((lanes & ~defined[guard]) != 0) {
          throw undefined(lanes, guard);
        }
        lanes &= instruction.guardNegated ? ~p[guard] : p[guard];
      }
      if (lanes != 0) {
        execute(instruction, lanes);
      }
      if (pc >= stop && !scattered) {
        scatter(0, 0);
      }
      count++;
    }
    return count;
  }

  private void execute(Instruction instruction, int lanes) {
    for (int register : instruction.reads) {
      if ((lanes & ~defined[register]) != 0) {
        throw undefined(lanes, register);
      }
    }
    try {
      instruction.run(this, lanes);
    } catch (ArithmeticException e) {
      PtxFault fault = fault(lowest(lanes), "divides by zero in this thread or another");
      fault.initCause(e);
      throw fault;
    }
    for (int register : instruction.writes) {
      defined[register] |= lanes;
    }
  }

  private PtxFault undefined(int lanes, int register) {
    int lane = lowest(lanes & ~defined[register]);
    String name = block.launch.entry.names().get(register);
    return fault(lane, "reads register " + name + ", which was not written before");
  }

  static int lowest(int lanes) {
    return Integer.numberOfTrailingZeros(lanes);
  }

  /** Sends some of the running lanes elsewhere. */
  void branch(int lanes, int target) {
    if (lanes == active) {
      pc = target;
    } else {
      scatter(lanes, target);
    }
  }

  /** Ends some of the running lanes. */
  void exit(int lanes) {
    live &= ~lanes;
    if (lanes == active) {
      scattered = true;
    } else {
      active &= ~lanes;
    }
    if (live == 0) {
      block.exited();
    }
  }

  private void scatter(int lanes, int target) {
    for (int rest = active & live; rest != 0; rest &= rest - 1) {
      int lane = lowest(rest);
      pcs[lane] = (lanes >>> lane & 1) != 0 ? target : pc;
    }
    scattered = true;
  }

  /** Picks the lanes that are furthest behind. */
  private void gather() {
    int least = Integer.MAX_VALUE;
    for (int rest = live; rest != 0; rest &= rest - 1) {
      least = Math.min(least, pcs[lowest(rest)]);
    }
    active = 0;
    stop = Integer.MAX_VALUE;
    for (int rest = live; rest != 0; rest &= rest - 1) {
      int lane = lowest(rest);
      if (pcs[lane] == least) {
        active |= 1 << lane;
      } else {
        stop = Math.min(stop, pcs[lane]);
      }
    }
    pc = least;
    scattered = false;
  }

  /** Demands that all lanes of a mask, but those that have returned, run this instruction now. */
  void demand(int member, int lanes, int lane) {
    if ((member >>> lane & 1) == 0) {
      throw fault(lane, "is not among the lanes that take part, " + hex(member));
    }
    int missing = member & live & ~lanes;
    if (missing != 0) {
      throw fault(lane, "lanes " + hex(missing) + " do not take part, but are in the mask");
    }
  }

  /** Demands that all 32 lanes run this instruction together. */
  void demandAll(int lanes) {
    if (lanes != ALL) {
      throw fault(lowest(lanes), "is run by lanes " + hex(lanes) + " only, needs all of the warp");
    }
  }

  static String hex(int lanes) {
    return "0x" + Integer.toHexString(lanes);
  }

  PtxFault fault(int lane, String problem) {
    return block.fault(this, lane, problem);
  }
}
