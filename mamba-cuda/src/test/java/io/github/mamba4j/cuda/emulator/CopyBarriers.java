package io.github.mamba4j.cuda.emulator;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A block's barriers in shared memory that count the bytes of copies ({@code mbarrier}). A copy
 * ends when a thread has waited for the phase that it belongs to, and not before.
 */
final class CopyBarriers {
  /** A barrier. */
  private static final class State {
    private final int count;
    private int pending;
    private long missing;
    private int phase;
    private final List<Copy> underWay = new ArrayList<>();
    private final List<Copy> complete = new ArrayList<>();
    private final int[] clocks;

    private State(int count, int warps) {
      this.count = count;
      pending = count;
      clocks = new int[warps];
    }

    /** Goes on to the next phase if all have arrived and all bytes have come. */
    private void check() {
      if (pending == 0 && missing == 0) {
        phase++;
        pending = count;
        complete.addAll(underWay);
        underWay.clear();
      }
    }

    private void learn(int[] known) {
      for (int i = 0; i < clocks.length; i++) {
        clocks[i] = Math.max(clocks[i], known[i]);
      }
    }
  }

  /** Eight bytes that are copied. */
  private record Copy(long target, long value) {}

  private final Map<Long, State> states = new HashMap<>();

  void clear() {
    states.clear();
  }

  private State at(Warp warp, int lane, long address) {
    State state = states.get(address);
    if (state == null) {
      throw warp.fault(lane, "there is no mbarrier at shared address " + address);
    }
    return state;
  }

  void init(Warp warp, int lane, long address, long count) {
    warp.block.shared.writeAtomic(warp, lane, address, Long.BYTES, count);
    states.put(address, new State((int) count, warp.clocks.length));
  }

  /** Arrives, and has the phase wait for so many bytes more. */
  void arrive(Warp warp, int lane, long address, long bytes) {
    State state = at(warp, lane, address);
    if (state.pending == 0) {
      throw warp.fault(lane, "arrives at an mbarrier whose phase all have arrived at");
    }
    state.learn(warp.clocks);
    warp.clocks[warp.index]++;
    state.pending--;
    state.missing += bytes;
    state.check();
  }

  /** Begins a copy of pairs of eight bytes to a place, which counts at a barrier. */
  void copy(Warp warp, int lane, long address, long target, long[] values) {
    State state = at(warp, lane, address);
    for (int i = 0; i < values.length; i++) {
      long to = target + (long) i * Long.BYTES;
      warp.block.shared.beginCopy(warp, lane, to, Long.BYTES);
      state.underWay.add(new Copy(to, values[i]));
    }
    state.missing -= (long) values.length * Long.BYTES;
    state.check();
  }

  /** Returns whether the phase of a parity is over, after which what was copied can be read. */
  boolean isOver(Warp warp, int lane, long address, int parity) {
    State state = at(warp, lane, address);
    if ((state.phase & 1) == parity) {
      return false;
    }
    for (Copy copy : state.complete) {
      warp.block.shared.endCopy(warp, lane, copy.target, Long.BYTES, copy.value);
    }
    if (!state.complete.isEmpty()) {
      state.complete.clear();
      state.learn(warp.clocks);
      warp.clocks[warp.index]++;
    }
    for (int i = 0; i < warp.clocks.length; i++) {
      warp.clocks[i] = Math.max(warp.clocks[i], i == warp.index ? 0 : state.clocks[i]);
    }
    return true;
  }
}
