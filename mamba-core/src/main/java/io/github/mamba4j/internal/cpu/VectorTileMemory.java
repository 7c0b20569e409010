package io.github.mamba4j.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * The memory of the scans' tiles: one segment for all threads, as a constant.
 *
 * <p>The compiler knows a constant segment's address, size and life. An access at {@code (i & MASK)
 * + c} with a small constant c then needs no check at run time, and C2 can tell: it costs one
 * instruction, where a check that is moved out of a loop over long offsets costs some thirty before
 * each loop, as much as the loop itself for a chunk of 32 steps. It also keeps loops with many
 * accesses below the size at which C2 stops inlining vector operations.
 *
 * <p>A task claims a slot and waits while all are taken: there are as many as processors.
 */
final class VectorTileMemory {
  private static final long SLOT_BYTES = 1 << 19;

  /** The largest constant that may be added to a masked offset, with the vector behind it. */
  private static final long SLACK = 1 << 12;

  private static final int SLOTS = slots(Runtime.getRuntime().availableProcessors());

  /** Cuts an offset in bytes down to the slots. */
  static final long MASK = SLOTS * SLOT_BYTES - 1;

  /** All slots. */
  static final MemorySegment MEMORY = Arena.global().allocate(SLOTS * SLOT_BYTES + SLACK, SLACK);

  private static final MemorySegment[] TILES = new MemorySegment[SLOTS];
  private static final AtomicIntegerArray TAKEN = new AtomicIntegerArray(SLOTS);

  static {
    for (int i = 0; i < SLOTS; i++) {
      TILES[i] = MEMORY.asSlice(i * SLOT_BYTES, SLOT_BYTES);
    }
  }

  private VectorTileMemory() {}

  private static int slots(int processors) {
    int slots = Integer.highestOneBit(processors);
    return slots < processors ? 2 * slots : slots;
  }

  /** Returns whether a tile fits a slot. */
  static boolean fits(long floats) {
    return floats * Float.BYTES <= SLOT_BYTES;
  }

  /** Returns a slot that no other thread uses until it is released. */
  static MemorySegment claim() {
    int slot = (int) (Thread.currentThread().threadId() % SLOTS);
    for (int tried = 1; !TAKEN.compareAndSet(slot, 0, 1); tried++) {
      slot = (slot + 1) & (SLOTS - 1);
      if (tried % SLOTS == 0) {
        Thread.yield();
      }
    }
    return TILES[slot];
  }

  /** Gives a slot back; nothing to do for other memory. */
  static void release(MemorySegment tile) {
    long offset = offset(tile);
    if (offset >= 0) {
      TAKEN.set((int) (offset / SLOT_BYTES), 0);
    }
  }

  /** Returns where a slot begins, in bytes, or a negative number for other memory. */
  static long offset(MemorySegment tile) {
    long offset = tile.address() - MEMORY.address();
    return offset <= MASK ? offset : -1;
  }
}
