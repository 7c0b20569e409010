package io.github.mamba4j.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory that belongs to one worker: packing buffers and tiles, kept from call to call. */
final class Scratch implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  /** The worker's arguments of products within its memory. */
  final DenseProduct product = new DenseProduct();

  /** The worker's register tile of a matrix product. */
  final RegisterTile tile = new RegisterTile();

  /** The worker's arguments of dot products. */
  final DotRows dots = new DotRows();

  /** The worker's arrays for dot products. */
  final ArrayDots.Room arrays = new ArrayDots.Room();

  private MemorySegment heap = MemorySegment.NULL;
  private Arena arena = Arena.ofShared();
  private MemorySegment memory = MemorySegment.NULL;

  /**
   * Returns at least {@code floats} floats, 64-byte aligned, contents undefined. One call a task:
   * the next call returns the same memory.
   */
  MemorySegment floats(long floats) {
    long bytes = floats * Float.BYTES;
    if (memory.byteSize() < bytes) {
      // Forgotten first: should the allocation fail, the next call must not return freed memory.
      memory = MemorySegment.NULL;
      arena.close();
      arena = Arena.ofShared();
      memory = arena.allocate(Math.max(bytes, 1 << 16), ALIGNMENT);
    }
    return memory;
  }

  /** Returns at least {@code floats} floats on the heap, as {@link #floats} does. */
  MemorySegment heapFloats(int floats) {
    if (heap.byteSize() < (long) floats * Float.BYTES) {
      heap = MemorySegment.ofArray(new float[floats]);
    }
    return heap;
  }

  @Override
  public void close() {
    memory = MemorySegment.NULL;
    arena.close();
  }
}
