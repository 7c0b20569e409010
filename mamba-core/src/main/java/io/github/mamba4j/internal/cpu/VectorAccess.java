package io.github.mamba4j.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * What all vector loops share: vectors of the machine's preferred width, and how memory is reached.
 *
 * <p>The loops call {@code fromMemorySegment} and {@code intoMemorySegment} themselves. The JDK
 * marks these to be inlined wherever they are called; a method of ours around them is inlined at
 * the compiler's discretion, which depends on what ran before, and where it is not, each vector
 * that it takes or returns is an object on the heap.
 *
 * <p>For the same reason nothing of ours walks through memory of a confined arena. Whether memory
 * belongs to one thread is asked at every access, with one profile for all of the JVM: once loops
 * have run over confined memory, the compiler expects more of it, and each kernel is compiled and
 * thrown away some ten to a hundred times before the compiler believes otherwise.
 */
final class VectorAccess {
  static final VectorSpecies<Float> SPECIES = species(VectorWidth.LANES);
  static final int LANES = SPECIES.length();

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** The class of all off-heap segments; memory-mapped ones have a subclass. */
  private static final Class<?> OFF_HEAP = Arena.global().allocate(1).getClass();

  /**
   * All memory of the process, if the JVM lets this module have it, else null. It begins at zero
   * and ends behind all addresses, and is a constant: the compiler knows of each access that it is
   * inside. In any other segment it proves that before a loop, at some twenty instructions an
   * access, which is a fifth of the time of a dot product of 768 weights.
   */
  private static final @Nullable MemorySegment EVERYTHING = everything();

  /** All bits that addresses have. */
  private static final long ADDRESSES = (1L << 47) - 1;

  private VectorAccess() {}

  @SuppressWarnings("restricted") // where it is not allowed, it is not called
  private static @Nullable MemorySegment everything() {
    return VectorAccess.class.getModule().isNativeAccessEnabled()
        ? MemorySegment.NULL.reinterpret(Long.MAX_VALUE)
        : null;
  }

  /**
   * Returns what to reach a segment's memory by, in hot loops: all memory, where the JVM lets this
   * module have it, else the segment. Nothing checks accesses then. So the caller has checked that
   * all of them are inside, and that the memory is in use; and it runs in a task, for whose end
   * {@link CpuBackend#free} waits.
   */
  static MemorySegment reach(MemorySegment segment) {
    return EVERYTHING == null ? offHeap(segment) : EVERYTHING;
  }

  /**
   * Returns an offset in a segment that is not negative, known to be that. The compiler then needs
   * half as many instructions to move a check out of a loop, or a loop may lose its checks at all.
   */
  static long positive(long offset) {
    return offset & ADDRESSES;
  }

  /** Returns where a place in a segment is in what {@link #reach} returns, in bytes. */
  static long place(MemorySegment segment, long offset) {
    return positive(EVERYTHING == null ? offset : segment.address() + offset);
  }

  private static VectorSpecies<Float> species(int lanes) {
    return switch (lanes) {
      case 16 -> FloatVector.SPECIES_512;
      case 8 -> FloatVector.SPECIES_256;
      default -> FloatVector.SPECIES_128;
    };
  }

  /**
   * Returns the segment, known to be off the heap. The compiler learns its class from the cast and
   * needs no profile of the accesses; that profile is shared by all users of the Vector API in a
   * JVM and shows byte arrays too, by which vectors of unwarned loops end up in objects.
   */
  static MemorySegment offHeap(MemorySegment segment) {
    return (MemorySegment) OFF_HEAP.cast(segment);
  }
}
