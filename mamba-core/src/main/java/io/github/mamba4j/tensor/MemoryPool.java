package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.Storage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The memory of a scope and its children: slabs from the backend, cut from front to back, and lists
 * of released blocks by size.
 *
 * <p>The same sequence of requests gives the same addresses, so a recorded step can be replayed.
 */
final class MemoryPool {
  private static final long ALIGNMENT = 64;
  private static final long FIRST_SLAB = 1L << 20;
  private static final long LARGEST_SLAB = 1L << 28;

  private final Backend backend;
  private final List<Storage> slabs = new ArrayList<>();
  private final Map<Long, ArrayDeque<Block>> released = new HashMap<>();
  private int slab = -1;
  private long used;
  private long nextSlab = FIRST_SLAB;

  MemoryPool(Backend backend) {
    this.backend = backend;
  }

  /** Returns a block of at least {@code bytes}, contents undefined. */
  Block take(long bytes) {
    long size = Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    ArrayDeque<Block> free = released.get(size);
    if (free != null && !free.isEmpty()) {
      Block block = free.pop();
      return new Block(block.storage(), block.offsetBytes(), size);
    }
    while (slab < 0 || used + size > slabs.get(slab).byteSize()) {
      nextSlabFor(size);
    }
    Block block = new Block(slabs.get(slab), used, size);
    used += size;
    return block;
  }

  /** Goes on to the next slab; stays where it is if there is no memory for a new one. */
  private void nextSlabFor(long size) {
    if (slab + 1 == slabs.size()) {
      slabs.add(backend.allocate(Math.max(size, nextSlab)));
      nextSlab = Math.min(LARGEST_SLAB, nextSlab * 2);
    }
    slab++;
    used = 0;
  }

  void give(Block block) {
    if (block.release()) {
      released.computeIfAbsent(block.bytes(), size -> new ArrayDeque<>()).push(block);
    }
  }

  /** Forgets every block and starts again at the front of the first slab. */
  void reset() {
    released.clear();
    slab = slabs.isEmpty() ? -1 : 0;
    used = 0;
  }

  /** Bytes taken from the backend. */
  long reservedBytes() {
    return slabs.stream().mapToLong(Storage::byteSize).sum();
  }

  void close() {
    slabs.forEach(backend::free);
    slabs.clear();
    reset();
  }
}
