package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Branches, ends, barriers and fences. */
final class Control {
  private Control() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("bra", Control::branch);
    decoders.put("ret", site -> end(site));
    decoders.put("exit", site -> end(site));
    decoders.put("trap", site -> new Trap());
    decoders.put("bar", Control::barrier);
    decoders.put("barrier", Control::barrier);
    decoders.put("membar", Control::fence);
    decoders.put("fence", Control::fence);
    decoders.put("nanosleep", Control::sleep);
    decoders.put("griddepcontrol", Control::dependency);
  }

  /** Goes on elsewhere. */
  private static final class Branch extends Instruction {
    private final int target;

    Branch(int target) {
      this.target = target;
    }

    @Override
    void run(Warp warp, int lanes) {
      warp.branch(lanes, target);
    }
  }

  /** Goes on elsewhere; all lanes do, as the kernel promises. */
  private static final class UniformBranch extends Instruction {
    private final int target;

    UniformBranch(int target) {
      this.target = target;
    }

    @Override
    void run(Warp warp, int lanes) {
      if (lanes != warp.active) {
        throw warp.fault(Warp.lowest(lanes), "is called uniform, but not all lanes branch");
      }
      warp.branch(lanes, target);
    }
  }

  private static Instruction branch(Site site) {
    site.expectOperands(1, 1);
    int target = site.label(site.operands.get(0));
    return site.has("uni") ? new UniformBranch(target) : new Branch(target);
  }

  /** Ends threads. */
  private static final class End extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      warp.exit(lanes);
    }
  }

  private static Instruction end(Site site) {
    site.ignore("uni");
    site.expectOperands(0, 0);
    return new End();
  }

  /** Fails, as the kernel wants. */
  private static final class Trap extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      throw warp.fault(Warp.lowest(lanes), "the kernel gives up");
    }
  }

  /** Waits for the other warps, or only lets them know. */
  private static final class Meet extends Instruction {
    private final int id;
    private final int count;
    private final boolean waits;

    Meet(int id, int count, boolean waits) {
      this.id = id;
      this.count = count;
      this.waits = waits;
    }

    @Override
    void run(Warp warp, int lanes) {
      int lane = Warp.lowest(lanes);
      int threads = count < 0 ? 0 : (int) warp.r[count][lane];
      warp.block.barrier(warp, warp.r[id][lane]).arrive(warp, lanes, threads, waits);
    }
  }

  /** Waits for the other warps and tells all how many predicates hold. */
  private static final class Reduce extends Instruction {
    private final String operator;
    private final int to;
    private final int[] from;
    private final boolean negated;

    Reduce(String operator, int to, int[] from, boolean negated) {
      this.operator = operator;
      this.to = to;
      this.from = from;
      this.negated = negated;
    }

    @Override
    void run(Warp warp, int lanes) {
      int lane = Warp.lowest(lanes);
      int count = from[1] < 0 ? 0 : (int) warp.r[from[1]][lane];
      int holding = (negated ? ~warp.p[from[2]] : warp.p[from[2]]) & lanes;
      Barrier barrier = warp.block.barrier(warp, warp.r[from[0]][lane]);
      barrier.contribute(warp, holding, lanes, (trues, all) -> put(warp, lanes, trues, all));
      barrier.arrive(warp, lanes, count, true);
    }

    private void put(Warp warp, int lanes, int trues, int all) {
      if (operator.equals("popc")) {
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          warp.r[to][Warp.lowest(rest)] = trues;
        }
        return;
      }
      boolean holds = operator.equals("and") ? trues == all : trues > 0;
      warp.p[to] = holds ? warp.p[to] | lanes : warp.p[to] & ~lanes;
    }
  }

  private static Instruction barrier(Site site) {
    site.ignore("cta", "aligned");
    if (site.has("warp")) {
      site.has("sync");
      site.expectOperands(1, 1);
      return new WarpOps.Sync(site.source(site.operands.get(0), Type.B32));
    }
    if (site.has("red")) {
      return reduce(site);
    }
    boolean waits = site.oneOf("sync", "arrive").equals("sync");
    site.expectOperands(waits ? 1 : 2, 2);
    int id = site.source(site.operands.get(0), Type.U32);
    int count = site.operands.size() == 1 ? -1 : site.source(site.operands.get(1), Type.U32);
    return new Meet(id, count, waits);
  }

  private static Instruction reduce(Site site) {
    String operator = site.oneOf("popc", "and", "or");
    site.expectOperands(3, 4);
    int last = site.operands.size() - 1;
    String name = site.operands.get(last);
    boolean negated = name.startsWith("!");
    int[] from = {
      site.source(site.operands.get(1), Type.U32),
      last == 2 ? -1 : site.source(site.operands.get(2), Type.U32),
      site.predicate(negated ? name.substring(1).strip() : name)
    };
    Type type = operator.equals("popc") ? Type.U32 : Type.PRED;
    return new Reduce(operator, site.target(site.operands.get(0), type), from, negated);
  }

  /** Orders accesses to memory. */
  private static final class Fence extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      warp.block.launch.races.fence();
    }
  }

  private static Instruction fence(Site site) {
    site.ignore("sc", "acq_rel", "proxy", "async", "alias", "shared::cta");
    boolean withinBlock = site.has("cta");
    boolean global = !site.oneOf("gl", "gpu", "sys").isEmpty();
    return withinBlock || !global ? new MemoryOps.Nothing() : new Fence();
  }

  /** Lets other warps run. */
  private static final class Sleep extends Instruction {
    @Override
    void run(Warp warp, int lanes) {
      warp.yields = true;
    }
  }

  private static Instruction sleep(Site site) {
    site.expectOperands(1, 1);
    site.source(site.operands.get(0), Type.U32);
    return new Sleep();
  }

  private static Instruction dependency(Site site) {
    site.ignore("wait", "launch_dependents");
    return new MemoryOps.Nothing();
  }
}
