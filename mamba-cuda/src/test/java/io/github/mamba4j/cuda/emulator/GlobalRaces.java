package io.github.mamba4j.cuda.emulator;

import java.util.Arrays;
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

    private void reserve(int page) {
      if (writers.length <= page) {
        int pages = Math.max(page + 1, 2 * writers.length);
        writers = Arrays.copyOf(writers, pages);
        readers = Arrays.copyOf(readers, pages);
        strong = Arrays.copyOf(strong, pages);
      }
    }

    private static int[] page(int[][] pages, int page) {
      if (pages[page] == null) {
        pages[page] = new int[PAGE];
      }
      return pages[page];
    }
  }

  /** The blocks whose deeds a block knows to be past, or will by its next fence. */
  private static final class Knowledge {
    private final BitSet acquired = new BitSet();
    private final BitSet seen = new BitSet();
    private boolean fenced;
  }

  private final boolean enabled;
  private final int first;
  private final int shift;
  private final Map<Long, BitSet> released = new HashMap<>();

  /** What each block that has begun knows. */
  private final Map<Integer, Knowledge> known = new HashMap<>();

  private Knowledge own = new Knowledge();
  private int stamp;

  /**
   * Begins a launch.
   *
   * @param granule bytes of the smallest access, a power of two
   */
  GlobalRaces(boolean enabled, EmulatedMemory memory, int blocks, int granule) {
    this.enabled = enabled && blocks > 1;
    this.first = memory.blocks;
    this.shift = Integer.numberOfTrailingZeros(granule);
    memory.blocks = Math.addExact(memory.blocks, blocks);
  }

  /** Says which block runs from here on. */
  void enter(int block) {
    stamp = first + block + 1;
    own = known.computeIfAbsent(block, key -> new Knowledge());
  }

  /** Forgets what a block knows that has ended. */
  void leave(int block) {
    known.remove(block);
  }

  /** Returns whether a block of this launch left a stamp that this one does not know to be past. */
  private boolean races(int other) {
    return other > first && other != stamp && !own.acquired.get(other - first - 1);
  }

  private boolean racesWithReader(int reader) {
    // Which blocks read, if several did, is not kept; a block that has waited for any is trusted.
    return reader < -first ? own.acquired.isEmpty() : races(reader);
  }

  /**
   * Returns the number of a piece, such that those of an access of up to 16 bytes have notes on one
   * page.
   */
  private int piece(Region region, long address) {
    return (int) ((address >> shift) - (region.base >> shift & -PAGE));
  }

  /**
   * Takes note of a read.
   *
   * @param bytes how many, a power of two and a divisor of the address
   */
  void read(Warp warp, int lane, Region region, long address, int bytes, boolean strong) {
    if (!enabled) {
      return;
    }
    int piece = piece(region, address);
    int end = piece(region, address + bytes - 1) & (PAGE - 1);
    int page = piece >> PAGE_SHIFT;
    Shadow shadow = region.shadow;
    shadow.reserve(page);
    int[] writers = shadow.writers[page];
    int[] strongWriters = strong ? null : shadow.strong[page];
    int[] readers = Shadow.page(shadow.readers, page);
    for (int i = piece & (PAGE - 1); i <= end; i++) {
      if (writers != null && races(writers[i])) {
        throw race(warp, lane, "reads", address, "written", writers[i]);
      }
      if (strongWriters != null && races(strongWriters[i])) {
        throw race(warp, lane, "reads", address, "written", strongWriters[i]);
      }
      int reader = readers[i];
      if (!strong && reader != stamp && reader >= -first) {
        readers[i] = reader > first ? -stamp : stamp;
      }
    }
  }

  /**
   * Takes note of a write.
   *
   * @param bytes how many, a power of two and a divisor of the address
   */
  void write(Warp warp, int lane, Region region, long address, int bytes, boolean strong) {
    if (!enabled) {
      return;
    }
    int piece = piece(region, address);
    int end = piece(region, address + bytes - 1) & (PAGE - 1);
    int page = piece >> PAGE_SHIFT;
    Shadow shadow = region.shadow;
    shadow.reserve(page);
    int[] writers = Shadow.page(shadow.writers, page);
    int[] strongWriters = strong ? Shadow.page(shadow.strong, page) : shadow.strong[page];
    int[] readers = shadow.readers[page];
    for (int i = piece & (PAGE - 1); i <= end; i++) {
      if (races(writers[i])) {
        throw race(warp, lane, "writes", address, "written", writers[i]);
      }
      if (!strong && strongWriters != null && races(strongWriters[i])) {
        throw race(warp, lane, "writes", address, "written", strongWriters[i]);
      }
      if (readers != null && racesWithReader(readers[i])) {
        throw race(warp, lane, "writes", address, "read", readers[i]);
      }
      if (strong) {
        strongWriters[i] = stamp;
      } else {
        writers[i] = stamp;
      }
    }
  }

  private PtxFault race(
      Warp warp, int lane, String does, long address, String did, int otherStamp) {
    Launch launch = warp.block.launch;
    String other =
        otherStamp < 0 ? "several blocks" : "block " + launch.blockName(otherStamp - first - 1);
    String place = launch.memory.describe(address);
    return warp.fault(
        lane, "race between blocks: " + does + " " + place + ", " + did + " by " + other);
  }

  /** Takes note of a fence. */
  void fence() {
    own.fenced = true;
    own.acquired.or(own.seen);
  }

  /** Takes note of what a strong read lets the block know. */
  void acquire(long address) {
    BitSet blocks = released.get(address);
    if (blocks != null) {
      own.seen.or(blocks);
    }
  }

  /**
   * Takes note of what a strong write lets other blocks know.
   *
   * @param adds whether the write is part of an atomic operation, which also passes on what others
   *     released
   */
  void release(long address, boolean adds) {
    if (!enabled) {
      return;
    }
    BitSet blocks = adds ? released.computeIfAbsent(address, key -> new BitSet()) : new BitSet();
    if (own.fenced) {
      blocks.or(own.acquired);
      blocks.set(stamp - first - 1);
    }
    released.put(address, blocks);
  }
}
