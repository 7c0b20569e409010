package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Transposition of squares of as many rows as a vector has lanes.
 *
 * <p>A pass interleaves each row of the upper half with its partner in the lower half. That rotates
 * the bits of an element's place, row before column, by one; after as many passes as a lane number
 * has bits, row and column have changed places.
 */
final class VectorTranspose {
  private static final long BYTES = (long) LANES * Float.BYTES;
  private static final long SQUARE_BYTES = LANES * BYTES;
  private static final VectorShuffle<Float> LOW = VectorShuffle.makeZip(SPECIES, 0);
  private static final VectorShuffle<Float> HIGH = VectorShuffle.makeZip(SPECIES, 1);

  private VectorTranspose() {}

  /** Returns how many floats of scratch memory {@link #square} needs. */
  static int scratchFloats() {
    return 2 * LANES * LANES;
  }

  /**
   * Transposes one square.
   *
   * @param from where from
   * @param source where the square starts there, in bytes
   * @param stride distance of the source's rows, in bytes
   * @param to where to
   * @param target where the square starts there, in bytes
   * @param rowBytes distance of the target's rows
   * @param scratch room for the passes between
   * @param room where it starts, in bytes
   */
  static void square(
      MemorySegment from,
      long source,
      long stride,
      MemorySegment to,
      long target,
      long rowBytes,
      MemorySegment scratch,
      long room) {
    pass(from, source, stride, scratch, room, BYTES);
    long at = 0;
    for (int left = LANES >> 2; left > 1; left >>= 1) {
      pass(scratch, room + at, BYTES, scratch, room + SQUARE_BYTES - at, BYTES);
      at = SQUARE_BYTES - at;
    }
    pass(scratch, room + at, BYTES, to, target, rowBytes);
  }

  private static void pass(
      MemorySegment from, long source, long stride, MemorySegment to, long target, long rowBytes) {
    from = offHeap(from);
    to = offHeap(to);
    long half = (LANES >> 1) * stride;
    for (int i = 0; i < LANES >> 1; i++) {
      long at = source + i * stride;
      FloatVector x = fromMemorySegment(SPECIES, from, at, ORDER);
      FloatVector y = fromMemorySegment(SPECIES, from, at + half, ORDER);
      long out = target + 2L * i * rowBytes;
      x.rearrange(LOW, y).intoMemorySegment(to, out, ORDER);
      x.rearrange(HIGH, y).intoMemorySegment(to, out + rowBytes, ORDER);
    }
  }
}
