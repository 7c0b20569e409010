package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.positive;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
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

  private static final VectorShuffle<Float> UP_1 = up(1);
  private static final VectorShuffle<Float> UP_2 = up(2);
  private static final VectorShuffle<Float> UP_4 = up(4);
  private static final VectorShuffle<Float> UP_8 = up(8);
  private static final VectorShuffle<Float> DOWN_1 = down(1);
  private static final VectorShuffle<Float> DOWN_2 = down(2);
  private static final VectorShuffle<Float> DOWN_4 = down(4);
  private static final VectorShuffle<Float> DOWN_8 = down(8);
  private static final VectorMask<Float> HIGH_1 = high(1);
  private static final VectorMask<Float> HIGH_2 = high(2);
  private static final VectorMask<Float> HIGH_4 = high(4);
  private static final VectorMask<Float> HIGH_8 = high(8);
  private static final VectorMask<Float> LOW_1 = HIGH_1.not();
  private static final VectorMask<Float> LOW_2 = HIGH_2.not();
  private static final VectorMask<Float> LOW_4 = HIGH_4.not();
  private static final VectorMask<Float> LOW_8 = HIGH_8.not();

  private VectorTranspose() {}

  /** Lanes with the bit take from the lane without it. */
  private static VectorShuffle<Float> up(int bit) {
    return VectorShuffle.fromOp(SPECIES, lane -> lane & ~bit);
  }

  /** Lanes without the bit take from the lane with it. */
  private static VectorShuffle<Float> down(int bit) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane | bit) % LANES);
  }

  /** The lanes with the bit. */
  private static VectorMask<Float> high(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(SPECIES, lanes, 0);
  }

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
    if (LANES == 16) {
      square16(from, source, stride, to, target, rowBytes);
      return;
    }
    if (LANES == 8) {
      square8(from, source, stride, to, target, rowBytes);
      return;
    }
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
    source = place(from, source);
    stride = positive(stride);
    from = reach(from);
    target = place(to, target);
    rowBytes = positive(rowBytes);
    to = reach(to);
    long half = (LANES >> 1) * stride;
    for (int i = 0; i < LANES >> 1; i++) {
      long at = positive(source + i * stride);
      FloatVector x = fromMemorySegment(SPECIES, from, at, ORDER);
      FloatVector y = fromMemorySegment(SPECIES, from, at + half, ORDER);
      long out = positive(target + 2L * i * rowBytes);
      x.rearrange(LOW, y).intoMemorySegment(to, out, ORDER);
      x.rearrange(HIGH, y).intoMemorySegment(to, out + rowBytes, ORDER);
    }
  }

  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  private static void square16(
      MemorySegment from, long source, long stride, MemorySegment to, long target, long rowBytes) {
    source = place(from, source);
    stride = positive(stride);
    from = reach(from);
    target = place(to, target);
    rowBytes = positive(rowBytes);
    to = reach(to);
    FloatVector r0 = fromMemorySegment(SPECIES, from, source + 0 * stride, ORDER);
    FloatVector r1 = fromMemorySegment(SPECIES, from, source + 1 * stride, ORDER);
    FloatVector r2 = fromMemorySegment(SPECIES, from, source + 2 * stride, ORDER);
    FloatVector r3 = fromMemorySegment(SPECIES, from, source + 3 * stride, ORDER);
    FloatVector r4 = fromMemorySegment(SPECIES, from, source + 4 * stride, ORDER);
    FloatVector r5 = fromMemorySegment(SPECIES, from, source + 5 * stride, ORDER);
    FloatVector r6 = fromMemorySegment(SPECIES, from, source + 6 * stride, ORDER);
    FloatVector r7 = fromMemorySegment(SPECIES, from, source + 7 * stride, ORDER);
    FloatVector r8 = fromMemorySegment(SPECIES, from, source + 8 * stride, ORDER);
    FloatVector r9 = fromMemorySegment(SPECIES, from, source + 9 * stride, ORDER);
    FloatVector r10 = fromMemorySegment(SPECIES, from, source + 10 * stride, ORDER);
    FloatVector r11 = fromMemorySegment(SPECIES, from, source + 11 * stride, ORDER);
    FloatVector r12 = fromMemorySegment(SPECIES, from, source + 12 * stride, ORDER);
    FloatVector r13 = fromMemorySegment(SPECIES, from, source + 13 * stride, ORDER);
    FloatVector r14 = fromMemorySegment(SPECIES, from, source + 14 * stride, ORDER);
    FloatVector r15 = fromMemorySegment(SPECIES, from, source + 15 * stride, ORDER);
    FloatVector x = r0.blend(r8.rearrange(UP_8), HIGH_8);
    r8 = r8.blend(r0.rearrange(DOWN_8), LOW_8);
    r0 = x;
    x = r1.blend(r9.rearrange(UP_8), HIGH_8);
    r9 = r9.blend(r1.rearrange(DOWN_8), LOW_8);
    r1 = x;
    x = r2.blend(r10.rearrange(UP_8), HIGH_8);
    r10 = r10.blend(r2.rearrange(DOWN_8), LOW_8);
    r2 = x;
    x = r3.blend(r11.rearrange(UP_8), HIGH_8);
    r11 = r11.blend(r3.rearrange(DOWN_8), LOW_8);
    r3 = x;
    x = r4.blend(r12.rearrange(UP_8), HIGH_8);
    r12 = r12.blend(r4.rearrange(DOWN_8), LOW_8);
    r4 = x;
    x = r5.blend(r13.rearrange(UP_8), HIGH_8);
    r13 = r13.blend(r5.rearrange(DOWN_8), LOW_8);
    r5 = x;
    x = r6.blend(r14.rearrange(UP_8), HIGH_8);
    r14 = r14.blend(r6.rearrange(DOWN_8), LOW_8);
    r6 = x;
    x = r7.blend(r15.rearrange(UP_8), HIGH_8);
    r15 = r15.blend(r7.rearrange(DOWN_8), LOW_8);
    r7 = x;
    x = r0.blend(r4.rearrange(UP_4), HIGH_4);
    r4 = r4.blend(r0.rearrange(DOWN_4), LOW_4);
    r0 = x;
    x = r1.blend(r5.rearrange(UP_4), HIGH_4);
    r5 = r5.blend(r1.rearrange(DOWN_4), LOW_4);
    r1 = x;
    x = r2.blend(r6.rearrange(UP_4), HIGH_4);
    r6 = r6.blend(r2.rearrange(DOWN_4), LOW_4);
    r2 = x;
    x = r3.blend(r7.rearrange(UP_4), HIGH_4);
    r7 = r7.blend(r3.rearrange(DOWN_4), LOW_4);
    r3 = x;
    x = r8.blend(r12.rearrange(UP_4), HIGH_4);
    r12 = r12.blend(r8.rearrange(DOWN_4), LOW_4);
    r8 = x;
    x = r9.blend(r13.rearrange(UP_4), HIGH_4);
    r13 = r13.blend(r9.rearrange(DOWN_4), LOW_4);
    r9 = x;
    x = r10.blend(r14.rearrange(UP_4), HIGH_4);
    r14 = r14.blend(r10.rearrange(DOWN_4), LOW_4);
    r10 = x;
    x = r11.blend(r15.rearrange(UP_4), HIGH_4);
    r15 = r15.blend(r11.rearrange(DOWN_4), LOW_4);
    r11 = x;
    x = r0.blend(r2.rearrange(UP_2), HIGH_2);
    r2 = r2.blend(r0.rearrange(DOWN_2), LOW_2);
    r0 = x;
    x = r1.blend(r3.rearrange(UP_2), HIGH_2);
    r3 = r3.blend(r1.rearrange(DOWN_2), LOW_2);
    r1 = x;
    x = r4.blend(r6.rearrange(UP_2), HIGH_2);
    r6 = r6.blend(r4.rearrange(DOWN_2), LOW_2);
    r4 = x;
    x = r5.blend(r7.rearrange(UP_2), HIGH_2);
    r7 = r7.blend(r5.rearrange(DOWN_2), LOW_2);
    r5 = x;
    x = r8.blend(r10.rearrange(UP_2), HIGH_2);
    r10 = r10.blend(r8.rearrange(DOWN_2), LOW_2);
    r8 = x;
    x = r9.blend(r11.rearrange(UP_2), HIGH_2);
    r11 = r11.blend(r9.rearrange(DOWN_2), LOW_2);
    r9 = x;
    x = r12.blend(r14.rearrange(UP_2), HIGH_2);
    r14 = r14.blend(r12.rearrange(DOWN_2), LOW_2);
    r12 = x;
    x = r13.blend(r15.rearrange(UP_2), HIGH_2);
    r15 = r15.blend(r13.rearrange(DOWN_2), LOW_2);
    r13 = x;
    x = r0.blend(r1.rearrange(UP_1), HIGH_1);
    r1 = r1.blend(r0.rearrange(DOWN_1), LOW_1);
    r0 = x;
    x = r2.blend(r3.rearrange(UP_1), HIGH_1);
    r3 = r3.blend(r2.rearrange(DOWN_1), LOW_1);
    r2 = x;
    x = r4.blend(r5.rearrange(UP_1), HIGH_1);
    r5 = r5.blend(r4.rearrange(DOWN_1), LOW_1);
    r4 = x;
    x = r6.blend(r7.rearrange(UP_1), HIGH_1);
    r7 = r7.blend(r6.rearrange(DOWN_1), LOW_1);
    r6 = x;
    x = r8.blend(r9.rearrange(UP_1), HIGH_1);
    r9 = r9.blend(r8.rearrange(DOWN_1), LOW_1);
    r8 = x;
    x = r10.blend(r11.rearrange(UP_1), HIGH_1);
    r11 = r11.blend(r10.rearrange(DOWN_1), LOW_1);
    r10 = x;
    x = r12.blend(r13.rearrange(UP_1), HIGH_1);
    r13 = r13.blend(r12.rearrange(DOWN_1), LOW_1);
    r12 = x;
    x = r14.blend(r15.rearrange(UP_1), HIGH_1);
    r15 = r15.blend(r14.rearrange(DOWN_1), LOW_1);
    r14 = x;
    r0.intoMemorySegment(to, target + 0 * rowBytes, ORDER);
    r1.intoMemorySegment(to, target + 1 * rowBytes, ORDER);
    r2.intoMemorySegment(to, target + 2 * rowBytes, ORDER);
    r3.intoMemorySegment(to, target + 3 * rowBytes, ORDER);
    r4.intoMemorySegment(to, target + 4 * rowBytes, ORDER);
    r5.intoMemorySegment(to, target + 5 * rowBytes, ORDER);
    r6.intoMemorySegment(to, target + 6 * rowBytes, ORDER);
    r7.intoMemorySegment(to, target + 7 * rowBytes, ORDER);
    r8.intoMemorySegment(to, target + 8 * rowBytes, ORDER);
    r9.intoMemorySegment(to, target + 9 * rowBytes, ORDER);
    r10.intoMemorySegment(to, target + 10 * rowBytes, ORDER);
    r11.intoMemorySegment(to, target + 11 * rowBytes, ORDER);
    r12.intoMemorySegment(to, target + 12 * rowBytes, ORDER);
    r13.intoMemorySegment(to, target + 13 * rowBytes, ORDER);
    r14.intoMemorySegment(to, target + 14 * rowBytes, ORDER);
    r15.intoMemorySegment(to, target + 15 * rowBytes, ORDER);
  }

  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  private static void square8(
      MemorySegment from, long source, long stride, MemorySegment to, long target, long rowBytes) {
    source = place(from, source);
    stride = positive(stride);
    from = reach(from);
    target = place(to, target);
    rowBytes = positive(rowBytes);
    to = reach(to);
    FloatVector r0 = fromMemorySegment(SPECIES, from, source + 0 * stride, ORDER);
    FloatVector r1 = fromMemorySegment(SPECIES, from, source + 1 * stride, ORDER);
    FloatVector r2 = fromMemorySegment(SPECIES, from, source + 2 * stride, ORDER);
    FloatVector r3 = fromMemorySegment(SPECIES, from, source + 3 * stride, ORDER);
    FloatVector r4 = fromMemorySegment(SPECIES, from, source + 4 * stride, ORDER);
    FloatVector r5 = fromMemorySegment(SPECIES, from, source + 5 * stride, ORDER);
    FloatVector r6 = fromMemorySegment(SPECIES, from, source + 6 * stride, ORDER);
    FloatVector r7 = fromMemorySegment(SPECIES, from, source + 7 * stride, ORDER);
    FloatVector x = r0.blend(r4.rearrange(UP_4), HIGH_4);
    r4 = r4.blend(r0.rearrange(DOWN_4), LOW_4);
    r0 = x;
    x = r1.blend(r5.rearrange(UP_4), HIGH_4);
    r5 = r5.blend(r1.rearrange(DOWN_4), LOW_4);
    r1 = x;
    x = r2.blend(r6.rearrange(UP_4), HIGH_4);
    r6 = r6.blend(r2.rearrange(DOWN_4), LOW_4);
    r2 = x;
    x = r3.blend(r7.rearrange(UP_4), HIGH_4);
    r7 = r7.blend(r3.rearrange(DOWN_4), LOW_4);
    r3 = x;
    x = r0.blend(r2.rearrange(UP_2), HIGH_2);
    r2 = r2.blend(r0.rearrange(DOWN_2), LOW_2);
    r0 = x;
    x = r1.blend(r3.rearrange(UP_2), HIGH_2);
    r3 = r3.blend(r1.rearrange(DOWN_2), LOW_2);
    r1 = x;
    x = r4.blend(r6.rearrange(UP_2), HIGH_2);
    r6 = r6.blend(r4.rearrange(DOWN_2), LOW_2);
    r4 = x;
    x = r5.blend(r7.rearrange(UP_2), HIGH_2);
    r7 = r7.blend(r5.rearrange(DOWN_2), LOW_2);
    r5 = x;
    x = r0.blend(r1.rearrange(UP_1), HIGH_1);
    r1 = r1.blend(r0.rearrange(DOWN_1), LOW_1);
    r0 = x;
    x = r2.blend(r3.rearrange(UP_1), HIGH_1);
    r3 = r3.blend(r2.rearrange(DOWN_1), LOW_1);
    r2 = x;
    x = r4.blend(r5.rearrange(UP_1), HIGH_1);
    r5 = r5.blend(r4.rearrange(DOWN_1), LOW_1);
    r4 = x;
    x = r6.blend(r7.rearrange(UP_1), HIGH_1);
    r7 = r7.blend(r6.rearrange(DOWN_1), LOW_1);
    r6 = x;
    r0.intoMemorySegment(to, target + 0 * rowBytes, ORDER);
    r1.intoMemorySegment(to, target + 1 * rowBytes, ORDER);
    r2.intoMemorySegment(to, target + 2 * rowBytes, ORDER);
    r3.intoMemorySegment(to, target + 3 * rowBytes, ORDER);
    r4.intoMemorySegment(to, target + 4 * rowBytes, ORDER);
    r5.intoMemorySegment(to, target + 5 * rowBytes, ORDER);
    r6.intoMemorySegment(to, target + 6 * rowBytes, ORDER);
    r7.intoMemorySegment(to, target + 7 * rowBytes, ORDER);
  }
}
