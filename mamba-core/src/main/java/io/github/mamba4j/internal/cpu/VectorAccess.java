package io.github.mamba4j.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Vectors of the machine's preferred width, read from and written to segments by element index. */
final class VectorAccess {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  static final int LANES = SPECIES.length();

  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** The class of all off-heap segments; memory-mapped ones have a subclass. */
  private static final Class<?> OFF_HEAP = Arena.global().allocate(1).getClass();

  private VectorAccess() {}

  /**
   * Returns the segment, known to be off the heap. The compiler learns its class from the cast and
   * needs no profile of the accesses; that profile is shared by all users of the Vector API in a
   * JVM and shows byte arrays too, by which vectors of unwarned loops end up in objects.
   */
  static MemorySegment offHeap(MemorySegment segment) {
    return (MemorySegment) OFF_HEAP.cast(segment);
  }

  static FloatVector load(MemorySegment segment, long index) {
    return FloatVector.fromMemorySegment(SPECIES, segment, index << 2, ORDER);
  }

  static void store(FloatVector vector, MemorySegment segment, long index) {
    vector.intoMemorySegment(segment, index << 2, ORDER);
  }
}
