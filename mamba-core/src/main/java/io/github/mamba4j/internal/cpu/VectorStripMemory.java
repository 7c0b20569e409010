package io.github.mamba4j.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory of packed strips, a constant like {@link VectorTileMemory} and for the same reasons:
 * an access at {@code (i & MASK) + c} needs no check, and a loop with many accesses stays below the
 * size at which C2 stops inlining vector operations.
 */
final class VectorStripMemory {
  /** Products at a time; further ones pack into memory of their own. */
  private static final int SLOTS = 2;

  /** A power of two, for the mask. */
  private static final long SLOT_BYTES =
      2 * Long.highestOneBit(CpuMatmul.PACKED_FLOATS * Float.BYTES - 1);

  /** The largest constant that may be added to a masked offset, with the vector behind it. */
  private static final long SLACK = 1 << 12;

  /** Cuts an offset in bytes down to the slots. */
  static final long MASK = SLOTS * SLOT_BYTES - 1;

  /** All slots. */
  static final MemorySegment MEMORY = Arena.global().allocate(SLOTS * SLOT_BYTES + SLACK, SLACK);

  private static final MemorySlots STRIPS = new MemorySlots(MEMORY, SLOT_BYTES, SLOTS);

  private VectorStripMemory() {}

  /** Returns a slot that no other product uses until it is released, or null if all are taken. */
  static @Nullable MemorySegment tryClaim() {
    return STRIPS.tryClaim();
  }

  /** Gives a slot back; nothing to do for other memory. */
  static void release(MemorySegment strips) {
    STRIPS.release(strips);
  }

  /** Returns where a slot begins, in bytes, or a negative number for other memory. */
  static long offset(MemorySegment strips) {
    return STRIPS.offset(strips);
  }
}
