package io.github.mamba4j.cuda.emulator;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The asynchronous copies of a warp whose threads have not waited for them. */
final class AsyncCopies {
  /** The copies of one instruction. */
  private static final class Copy {
    private final int bytes;
    private final int[] group = new int[Warp.LANES];
    private final long[] target = new long[Warp.LANES];
    private final long[] low = new long[Warp.LANES];
    private final long[] high = new long[Warp.LANES];
    private int lanes;

    private Copy(int bytes) {
      this.bytes = bytes;
    }
  }

  private final List<Copy> copies = new ArrayList<>();
  private final int[] committed = new int[Warp.LANES];
  private Copy latest = new Copy(0);

  void clear() {
    copies.clear();
  }

  /** Begins the copies of an instruction. */
  void begin(int bytes) {
    latest = new Copy(bytes);
    copies.add(latest);
  }

  /** Adds a lane's copy to the instruction that was begun last. */
  void add(int lane, long target, long low, long high) {
    latest.lanes |= 1 << lane;
    latest.group[lane] = committed[lane];
    latest.target[lane] = target;
    latest.low[lane] = low;
    latest.high[lane] = high;
  }

  void commit(int lanes) {
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      committed[Warp.lowest(rest)]++;
    }
  }

  /** Ends all copies but those of the latest groups. */
  void await(Warp warp, int lanes, int groups) {
    finish(warp, lanes, groups);
  }

  /** Ends all copies, committed or not. */
  void awaitAll(Warp warp, int lanes) {
    finish(warp, lanes, -1);
  }

  private void finish(Warp warp, int lanes, int groupsLeft) {
    Iterator<Copy> each = copies.iterator();
    while (each.hasNext()) {
      Copy copy = each.next();
      for (int rest = copy.lanes & lanes; rest != 0; rest &= rest - 1) {
        int lane = Warp.lowest(rest);
        if (copy.group[lane] < committed[lane] - groupsLeft) {
          end(warp, copy, lane);
          copy.lanes &= ~(1 << lane);
        }
      }
      if (copy.lanes == 0) {
        each.remove();
      }
    }
  }

  private static void end(Warp warp, Copy copy, int lane) {
    SharedMemory shared = warp.block.shared;
    long target = copy.target[lane];
    if (copy.bytes == 4) {
      shared.endCopy(warp, lane, target, 4, copy.low[lane]);
    } else {
      shared.endCopy(warp, lane, target, 8, copy.low[lane]);
      if (copy.bytes == 16) {
        shared.endCopy(warp, lane, target + 8, 8, copy.high[lane]);
      }
    }
  }
}
