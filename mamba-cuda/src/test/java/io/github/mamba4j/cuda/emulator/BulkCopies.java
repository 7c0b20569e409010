package io.github.mamba4j.cuda.emulator;

import java.util.Map;

/** Copies to shared memory that an engine does, and the barriers that count their bytes. */
final class BulkCopies {
  private static final MemoryOps.Order WEAK = new MemoryOps.Order(false, false, false);

  private BulkCopies() {}

  static void addTo(Map<String, InstructionSet.Decoder> decoders) {
    decoders.put("mbarrier", BulkCopies::barrier);
  }

  private static Instruction barrier(Site site) {
    if (site.oneOf("shared", "shared::cta").isEmpty() || site.type() != Type.B64) {
      throw site.error("is supported in .shared with .b64 only");
    }
    return switch (site.modifier(0)) {
      case "init" -> {
        site.expectOperands(2, 2);
        Site.Address address = site.address(site.operands.get(0));
        yield new OnBarrier(
            CopyBarriers::init, address, site.source(site.operands.get(1), Type.U32));
      }
      case "arrive" -> {
        int operands = site.has("expect_tx") ? 3 : 2;
        site.expectOperands(operands, operands);
        site.target(site.operands.get(0), Type.B64);
        Site.Address address = site.address(site.operands.get(1));
        String bytes = operands == 3 ? site.operands.get(2) : "0";
        yield new OnBarrier(CopyBarriers::arrive, address, site.source(bytes, Type.U32));
      }
      case "try_wait" -> {
        site.expectOperands(3, 3);
        if (!site.has("parity")) {
          throw site.error("is supported as mbarrier.try_wait.parity");
        }
        int over = site.target(site.operands.get(0), Type.PRED);
        Site.Address address = site.address(site.operands.get(1));
        yield new TryWait(over, address, site.source(site.operands.get(2), Type.U32));
      }
      default -> throw site.error("is not supported");
    };
  }

  /** Decodes {@code cp.async.bulk}. */
  static Instruction copy(Site site) {
    if (!site.has("shared::cluster")
        || !site.has("global")
        || !site.has("mbarrier::complete_tx::bytes")) {
      throw site.error("copies from .global to .shared::cluster, counted by an mbarrier, only");
    }
    site.has("async");
    MemoryOps.expectOperands(site, 4);
    Site.Address to = site.address(site.operands.get(0));
    Site.Address from = site.address(site.operands.get(1));
    int bytes = site.source(site.operands.get(2), Type.U32);
    Site.Address barrier = site.address(site.operands.get(3));
    site.touches(Space.SHARED, Long.BYTES);
    site.touches(Space.GLOBAL, Long.BYTES);
    return new Copy(to, new Access(from, Space.GLOBAL, Long.BYTES, 2, WEAK), bytes, barrier);
  }

  private static long place(Warp warp, int lane, Site.Address address) {
    return warp.r[address.register()][lane] + address.offset();
  }

  /** What an instruction does with a barrier and a number. */
  private interface Operation {
    void run(CopyBarriers barriers, Warp warp, int lane, long address, long number);
  }

  /** Makes a barrier, or arrives at one. */
  private static final class OnBarrier extends Instruction {
    private final Operation operation;
    private final Site.Address address;
    private final int number;

    OnBarrier(Operation operation, Site.Address address, int number) {
      this.operation = operation;
      this.address = address;
      this.number = number;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        long at = place(warp, lane, address);
        operation.run(warp.block.copyBarriers, warp, lane, at, warp.r[number][lane]);
      }
    }
  }

  /** Asks whether a phase is over. */
  private static final class TryWait extends Instruction {
    private final int over;
    private final Site.Address address;
    private final int parity;

    TryWait(int over, Site.Address address, int parity) {
      this.over = over;
      this.address = address;
      this.parity = parity;
    }

    @Override
    void run(Warp warp, int lanes) {
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        int which = (int) warp.r[parity][lane];
        boolean is = warp.block.copyBarriers.isOver(warp, lane, place(warp, lane, address), which);
        warp.p[over] = is ? warp.p[over] | 1 << lane : warp.p[over] & ~(1 << lane);
        warp.yields |= !is;
      }
    }
  }

  /** Copies. */
  private static final class Copy extends Instruction {
    private static final int UNIT = 16;

    private final Site.Address to;
    private final Access from;
    private final int bytes;
    private final Site.Address barrier;

    Copy(Site.Address to, Access from, int bytes, Site.Address barrier) {
      this.to = to;
      this.from = from;
      this.bytes = bytes;
      this.barrier = barrier;
    }

    @Override
    void run(Warp warp, int lanes) {
      long[] addresses = from.addresses(warp).clone();
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        int size = (int) warp.r[bytes][lane];
        long target = place(warp, lane, to);
        if (size <= 0 || size % UNIT != 0 || target % UNIT != 0) {
          throw warp.fault(
              lane, "copies " + size + " bytes to " + target + ", expected multiples of " + UNIT);
        }
        long[] values = new long[size / Long.BYTES];
        for (int i = 0; i < values.length; i += 2) {
          from.read(warp, lane, addresses[lane] + (long) i * Long.BYTES);
          values[i] = from.values[0];
          values[i + 1] = from.values[1];
        }
        long place = place(warp, lane, barrier);
        warp.block.copyBarriers.copy(warp, lane, place, target, values);
      }
    }
  }
}
