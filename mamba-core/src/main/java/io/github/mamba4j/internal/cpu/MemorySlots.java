package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/** Equal parts of one segment, each of which one user at a time claims. */
final class MemorySlots {
  private final MemorySegment memory;
  private final long slotBytes;
  private final MemorySegment[] slots;
  private final AtomicIntegerArray taken;

  /**
   * Cuts a segment.
   *
   * @param memory at least {@code count} slots
   * @param slotBytes size of a slot
   * @param count how many slots, a power of two
   */
  MemorySlots(MemorySegment memory, long slotBytes, int count) {
    this.memory = memory;
    this.slotBytes = slotBytes;
    slots = new MemorySegment[count];
    taken = new AtomicIntegerArray(count);
    for (int i = 0; i < count; i++) {
      slots[i] = memory.asSlice(i * slotBytes, slotBytes);
    }
  }

  /** Returns a slot that no one else uses until it is released, or null if all are taken. */
  @Nullable MemorySegment tryClaim() {
    int first = (int) (Thread.currentThread().threadId() % slots.length);
    for (int i = 0; i < slots.length; i++) {
      int slot = (first + i) & (slots.length - 1);
      if (taken.compareAndSet(slot, 0, 1)) {
        return slots[slot];
      }
    }
    return null;
  }

  /** Returns a slot that no one else uses until it is released; waits while all are taken. */
  MemorySegment claim() {
    MemorySegment slot = tryClaim();
    while (slot == null) {
      Thread.yield();
      slot = tryClaim();
    }
    return slot;
  }

  /** Gives a slot back; nothing to do for other memory. */
  void release(MemorySegment slot) {
    long offset = offset(slot);
    if (offset >= 0) {
      taken.set((int) (offset / slotBytes), 0);
    }
  }

  /** Returns where a slot begins, in bytes, or a negative number for other memory. */
  long offset(MemorySegment slot) {
    long offset = slot.address() - memory.address();
    return offset < slots.length * slotBytes ? offset : -1;
  }
}
