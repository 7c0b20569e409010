package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums across the lanes of as many vectors as a vector has lanes.
 *
 * <p>A step makes one vector of two: lanes without a bit of their number add two lanes of the
 * first, those with it two of the second. After a step for every bit, the lanes of the last vector
 * are the sums. The order of a sum is the same wherever it is made: its halves, their halves and so
 * on. The reduction of the Vector API leaves the order open; it may change once a method is
 * compiled.
 */
final class VectorLaneSums {
  private static final long BYTES = (long) LANES * Float.BYTES;

  private static final VectorMask<Float> WITH_1 = with(1);
  private static final VectorMask<Float> WITH_2 = with(2);
  private static final VectorMask<Float> WITH_4 = with(4);
  private static final VectorMask<Float> WITH_8 = with(8);
  private static final VectorShuffle<Float> OTHER_1 = other(1);
  private static final VectorShuffle<Float> OTHER_2 = other(2);
  private static final VectorShuffle<Float> OTHER_4 = other(4);
  private static final VectorShuffle<Float> OTHER_8 = other(8);

  private VectorLaneSums() {}

  /** The lanes with a bit. */
  private static VectorMask<Float> with(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(SPECIES, lanes, 0);
  }

  /** Lanes that differ in a bit change places. */
  private static VectorShuffle<Float> other(int bit) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane ^ bit) % LANES);
  }

  /**
   * Adds up the lanes of each of as many vectors as a vector has lanes.
   *
   * @param memory where they are
   * @param first the first half of the vectors, side by side, in bytes
   * @param second the other half
   * @param to where the sums go, a vector of them
   * @param at where that is, in bytes
   */
  static void sum(MemorySegment memory, long first, long second, MemorySegment to, long at) {
    if (LANES == 16) {
      sum16(memory, first, second, to, at);
    } else if (LANES == 8) {
      sum8(memory, first, second, to, at);
    } else if (LANES == 4) {
      sum4(memory, first, second, to, at);
    } else {
      throw new AssertionError("VectorLaneSums: " + LANES + " lanes");
    }
  }

  private static void sum16(
      MemorySegment memory, long first, long second, MemorySegment to, long at) {
    memory = offHeap(memory);
    to = offHeap(to);
    FloatVector r0 = fromMemorySegment(SPECIES, memory, first + 0 * BYTES, ORDER);
    FloatVector r1 = fromMemorySegment(SPECIES, memory, first + 1 * BYTES, ORDER);
    FloatVector r2 = fromMemorySegment(SPECIES, memory, first + 2 * BYTES, ORDER);
    FloatVector r3 = fromMemorySegment(SPECIES, memory, first + 3 * BYTES, ORDER);
    FloatVector r4 = fromMemorySegment(SPECIES, memory, first + 4 * BYTES, ORDER);
    FloatVector r5 = fromMemorySegment(SPECIES, memory, first + 5 * BYTES, ORDER);
    FloatVector r6 = fromMemorySegment(SPECIES, memory, first + 6 * BYTES, ORDER);
    FloatVector r7 = fromMemorySegment(SPECIES, memory, first + 7 * BYTES, ORDER);
    FloatVector r8 = fromMemorySegment(SPECIES, memory, second + 0 * BYTES, ORDER);
    FloatVector r9 = fromMemorySegment(SPECIES, memory, second + 1 * BYTES, ORDER);
    FloatVector r10 = fromMemorySegment(SPECIES, memory, second + 2 * BYTES, ORDER);
    FloatVector r11 = fromMemorySegment(SPECIES, memory, second + 3 * BYTES, ORDER);
    FloatVector r12 = fromMemorySegment(SPECIES, memory, second + 4 * BYTES, ORDER);
    FloatVector r13 = fromMemorySegment(SPECIES, memory, second + 5 * BYTES, ORDER);
    FloatVector r14 = fromMemorySegment(SPECIES, memory, second + 6 * BYTES, ORDER);
    FloatVector r15 = fromMemorySegment(SPECIES, memory, second + 7 * BYTES, ORDER);
    r0 = r0.blend(r8, WITH_8).add(r8.blend(r0, WITH_8).rearrange(OTHER_8));
    r1 = r1.blend(r9, WITH_8).add(r9.blend(r1, WITH_8).rearrange(OTHER_8));
    r2 = r2.blend(r10, WITH_8).add(r10.blend(r2, WITH_8).rearrange(OTHER_8));
    r3 = r3.blend(r11, WITH_8).add(r11.blend(r3, WITH_8).rearrange(OTHER_8));
    r4 = r4.blend(r12, WITH_8).add(r12.blend(r4, WITH_8).rearrange(OTHER_8));
    r5 = r5.blend(r13, WITH_8).add(r13.blend(r5, WITH_8).rearrange(OTHER_8));
    r6 = r6.blend(r14, WITH_8).add(r14.blend(r6, WITH_8).rearrange(OTHER_8));
    r7 = r7.blend(r15, WITH_8).add(r15.blend(r7, WITH_8).rearrange(OTHER_8));
    r0 = r0.blend(r4, WITH_4).add(r4.blend(r0, WITH_4).rearrange(OTHER_4));
    r1 = r1.blend(r5, WITH_4).add(r5.blend(r1, WITH_4).rearrange(OTHER_4));
    r2 = r2.blend(r6, WITH_4).add(r6.blend(r2, WITH_4).rearrange(OTHER_4));
    r3 = r3.blend(r7, WITH_4).add(r7.blend(r3, WITH_4).rearrange(OTHER_4));
    r0 = r0.blend(r2, WITH_2).add(r2.blend(r0, WITH_2).rearrange(OTHER_2));
    r1 = r1.blend(r3, WITH_2).add(r3.blend(r1, WITH_2).rearrange(OTHER_2));
    r0 = r0.blend(r1, WITH_1).add(r1.blend(r0, WITH_1).rearrange(OTHER_1));
    r0.intoMemorySegment(to, at, ORDER);
  }

  private static void sum8(
      MemorySegment memory, long first, long second, MemorySegment to, long at) {
    memory = offHeap(memory);
    to = offHeap(to);
    FloatVector r0 = fromMemorySegment(SPECIES, memory, first + 0 * BYTES, ORDER);
    FloatVector r1 = fromMemorySegment(SPECIES, memory, first + 1 * BYTES, ORDER);
    FloatVector r2 = fromMemorySegment(SPECIES, memory, first + 2 * BYTES, ORDER);
    FloatVector r3 = fromMemorySegment(SPECIES, memory, first + 3 * BYTES, ORDER);
    FloatVector r4 = fromMemorySegment(SPECIES, memory, second + 0 * BYTES, ORDER);
    FloatVector r5 = fromMemorySegment(SPECIES, memory, second + 1 * BYTES, ORDER);
    FloatVector r6 = fromMemorySegment(SPECIES, memory, second + 2 * BYTES, ORDER);
    FloatVector r7 = fromMemorySegment(SPECIES, memory, second + 3 * BYTES, ORDER);
    r0 = r0.blend(r4, WITH_4).add(r4.blend(r0, WITH_4).rearrange(OTHER_4));
    r1 = r1.blend(r5, WITH_4).add(r5.blend(r1, WITH_4).rearrange(OTHER_4));
    r2 = r2.blend(r6, WITH_4).add(r6.blend(r2, WITH_4).rearrange(OTHER_4));
    r3 = r3.blend(r7, WITH_4).add(r7.blend(r3, WITH_4).rearrange(OTHER_4));
    r0 = r0.blend(r2, WITH_2).add(r2.blend(r0, WITH_2).rearrange(OTHER_2));
    r1 = r1.blend(r3, WITH_2).add(r3.blend(r1, WITH_2).rearrange(OTHER_2));
    r0 = r0.blend(r1, WITH_1).add(r1.blend(r0, WITH_1).rearrange(OTHER_1));
    r0.intoMemorySegment(to, at, ORDER);
  }

  private static void sum4(
      MemorySegment memory, long first, long second, MemorySegment to, long at) {
    memory = offHeap(memory);
    to = offHeap(to);
    FloatVector r0 = fromMemorySegment(SPECIES, memory, first + 0 * BYTES, ORDER);
    FloatVector r1 = fromMemorySegment(SPECIES, memory, first + 1 * BYTES, ORDER);
    FloatVector r2 = fromMemorySegment(SPECIES, memory, second + 0 * BYTES, ORDER);
    FloatVector r3 = fromMemorySegment(SPECIES, memory, second + 1 * BYTES, ORDER);
    r0 = r0.blend(r2, WITH_2).add(r2.blend(r0, WITH_2).rearrange(OTHER_2));
    r1 = r1.blend(r3, WITH_2).add(r3.blend(r1, WITH_2).rearrange(OTHER_2));
    r0 = r0.blend(r1, WITH_1).add(r1.blend(r0, WITH_1).rearrange(OTHER_1));
    r0.intoMemorySegment(to, at, ORDER);
  }
}
