package io.github.mamba4j.cuda.emulator;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Finds bytes of global memory that two blocks of a launch touch, at least one of them writing.
 *
 * <p>Atomic, volatile, relaxed, acquiring and releasing accesses do not race with each other. What
 * a block did before a fence and such a write happened before what another block does after such a
 * read of the same address and a fence.
 */
final class GlobalRaces {
  private static final int PAGE_SHIFT = 10;
  private static final int PAGE = 1 << PAGE_SHIFT;

  /** Who touched the pieces of a region last: the block's number, negative for several blocks. */
  static final class Shadow {
    private int[][] writers = {};
    private int[][] readers = {};
    private int[][] strong = {};

    private void reserve(long granules) {
      int pages = Math.toIntExact((granules >> PAGE_SHIFT) + 1);
      if (writers.length < pages) {
        writers = new int[pages][];
        readers = new int[pages][];
        strong = new int[pages][];
      }
    }
  }

  private final boolean enabled;
  private final int first;
  private final int shift;
  private final Map<Long, BitSet> released = new HashMap<>();
  private final BitSet acquired = new BitSet();
  private final BitSet seen = new BitSet();
  private boolean fenced;
  private int stamp;

  /**
   * Begins a launch.
   *
   * @param granule bytes of the smallest access, a power of two
   */
  GlobalRaces(boolean enabled, EmulatedMemory memory, int blocks, int granule) {
    this.enabled = enabled;
    this.first = memory.blocks;
    this.shift = Integer.numberOfTrailingZeros(granule);
    memory.blocks = Math.addExact(memory.blocks, blocks);
  }

  void begin(int block) {
    stamp = first + block + 1;
    acquired.clear();
    seen.clear();
    fenced = false;
  }

  private static int get(int[][] pages, int granule) {
    int[] page = pages[granule >> PAGE_SHIFT];
    return page == null ? 0 : page[granule & PAGE - 1];
  }

  private static void set(int[][] pages, int granule, int value) {
    int[] page = pages[granule >> PAGE_SHIFT];
    if (page == null) {
      page = new int[PAGE];
      pages[granule >> PAGE_SHIFT] = page;
    }
    page[granule & PAGE - 1] = value;
  }

  /** Returns whether a block of this launch left a stamp that this one does not know to be past. */
  private boolean races(int other) {
    return other > first && other != stamp && !acquired.get(other - first - 1);
  }

  private boolean racesWithReader(int reader) {
    // Which blocks read, if several did, is not kept; a block that has waited for any is trusted.
    return reader < -first ? acquired.isEmpty() : races(reader);
  }

  /** Takes note of a read of bytes that lie in a region. */
  void read(Warp warp, int lane, Region region, long address, int bytes, boolean strong) {
    if (!enabled) {
      return;
    }
    Shadow shadow = region.shadow;
    shadow.reserve((region.end - region.base) >> shift);
    int last = (int) ((address + bytes - 1 - region.base) >> shift);
    for (int i = (int) ((address - region.base) >> shift); i <= last; i++) {
      int writer = get(shadow.writers, i);
      if (races(writer)) {
        throw race(warp, lane, "reads", address, "written", writer);
      }
      int strongWriter = get(shadow.strong, i);
      if (!strong && races(strongWriter)) {
        throw race(warp, lane, "reads", address, "written", strongWriter);
      }
      int reader = get(shadow.readers, i);
      if (!strong && reader != stamp && reader >= -first) {
        set(shadow.readers, i, reader > first ? -stamp : stamp);
      }
    }
  }

  /** Takes note of a write of bytes that lie in a region. */
  void write(Warp warp, int lane, Region region, long address, int bytes, boolean strong) {
    if (!enabled) {
      return;
    }
    Shadow shadow = region.shadow;
    shadow.reserve((region.end - region.base) >> shift);
    int last = (int) ((address + bytes - 1 - region.base) >> shift);
    for (int i = (int) ((address - region.base) >> shift); i <= last; i++) {
      int writer = get(shadow.writers, i);
      if (races(writer)) {
        throw race(warp, lane, "writes", address, "written", writer);
      }
      int strongWriter = get(shadow.strong, i);
      if (!strong && races(strongWriter)) {
        throw race(warp, lane, "writes", address, "written", strongWriter);
      }
      int reader = get(shadow.readers, i);
      if (racesWithReader(reader)) {
        throw race(warp, lane, "writes", address, "read", reader);
      }
      set(strong ? shadow.strong : shadow.writers, i, stamp);
    }
  }

  private PtxFault race(
      Warp warp, int lane, String does, long address, String did, int otherStamp) {
    String other =
        otherStamp < 0
            ? "several blocks"
            : "block " + warp.block.launch.blockName(otherStamp - first - 1);
    return warp.fault(
        lane,
        "race between blocks: "
            + does
            + " "
            + warp.block.launch.memory.describe(address)
            + ", "
            + did
            + " by "
            + other);
  }

  /** Takes note of a fence. */
  void fence() {
    fenced = true;
    acquired.or(seen);
  }

  /** Takes note of what a strong read lets the block know. */
  void acquire(long address) {
    BitSet blocks = released.get(address);
    if (blocks != null) {
      seen.or(blocks);
    }
  }

  /**
   * Takes note of what a strong write lets other blocks know.
   *
   * @param adds whether the write is part of an atomic operation, which also passes on what others
   *     released
   */
  void release(long address, boolean adds) {
    BitSet blocks = adds ? released.computeIfAbsent(address, key -> new BitSet()) : new BitSet();
    if (fenced) {
      blocks.or(acquired);
      blocks.set(stamp - first - 1);
    }
    released.put(address, blocks);
  }
}
