package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.positive;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MASK;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MEMORY;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;

/**
 * The way of a chunk's rows into the panels of {@link VectorTileMemory} and back. The loops do
 * nothing else, so that as many cache lines as possible are on their way at a time; and they take
 * eight vectors of a row together, as they lie in memory, where the processor sees how they go on.
 * Memory is reached without checks, see {@link VectorAccess#reach}.
 */
final class VectorPanelRows {
  /** Vectors of a row that are copied together. */
  private static final int TOGETHER = 8;

  private static final long V = 4L * LANES;
  private static final long STEP = ScanTile.STEP * 4L;

  private VectorPanelRows() {}

  /** Returns where a channel is in a panel, in bytes. */
  private static long place(int channel, long pitch) {
    return channel / ScanTile.MAX_LANES * pitch + (channel % ScanTile.MAX_LANES << 2);
  }

  /**
   * Copies rows into a panel.
   *
   * @param segment memory of the rows
   * @param offset where the first one is, in bytes
   * @param stride from a row to the next, in bytes
   * @param panel where the panel begins
   * @param pitch from 16 channels of a panel to the next 16, in bytes
   * @param steps rows
   * @param channels a multiple of the lanes
   */
  static void in(
      MemorySegment segment,
      long offset,
      long stride,
      long panel,
      long pitch,
      int steps,
      int channels) {
    int e = 0;
    for (; e <= channels - TOGETHER * LANES; e += TOGETHER * LANES) {
      eightIn(segment, offset + 4L * e, stride, panel, pitch, steps, e);
    }
    for (; e < channels; e += LANES) {
      oneIn(segment, offset + 4L * e, stride, panel + place(e, pitch), steps);
    }
  }

  private static void eightIn(
      MemorySegment segment, long offset, long stride, long panel, long pitch, int steps, int e) {
    MemorySegment source = reach(segment);
    long from = VectorAccess.place(segment, offset);
    long to0 = panel + place(e, pitch);
    long to1 = panel + place(e + LANES, pitch);
    long to2 = panel + place(e + 2 * LANES, pitch);
    long to3 = panel + place(e + 3 * LANES, pitch);
    long to4 = panel + place(e + 4 * LANES, pitch);
    long to5 = panel + place(e + 5 * LANES, pitch);
    long to6 = panel + place(e + 6 * LANES, pitch);
    long to7 = panel + place(e + 7 * LANES, pitch);
    for (int t = 0; t < steps; t++) {
      long row = positive(from + t * stride);
      long step = t * STEP;
      fromMemorySegment(SPECIES, source, row, ORDER)
          .intoMemorySegment(MEMORY, (to0 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + V, ORDER)
          .intoMemorySegment(MEMORY, (to1 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 2 * V, ORDER)
          .intoMemorySegment(MEMORY, (to2 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 3 * V, ORDER)
          .intoMemorySegment(MEMORY, (to3 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 4 * V, ORDER)
          .intoMemorySegment(MEMORY, (to4 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 5 * V, ORDER)
          .intoMemorySegment(MEMORY, (to5 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 6 * V, ORDER)
          .intoMemorySegment(MEMORY, (to6 + step) & MASK, ORDER);
      fromMemorySegment(SPECIES, source, row + 7 * V, ORDER)
          .intoMemorySegment(MEMORY, (to7 + step) & MASK, ORDER);
    }
  }

  private static void oneIn(MemorySegment segment, long offset, long stride, long to, int steps) {
    MemorySegment source = reach(segment);
    long from = VectorAccess.place(segment, offset);
    for (int t = 0; t < steps; t++) {
      fromMemorySegment(SPECIES, source, positive(from + t * stride), ORDER)
          .intoMemorySegment(MEMORY, (to + t * STEP) & MASK, ORDER);
    }
  }

  /** Copies rows out of a panel, the reverse of {@link #in}. */
  static void out(
      long panel,
      long pitch,
      MemorySegment segment,
      long offset,
      long stride,
      int steps,
      int channels) {
    int e = 0;
    for (; e <= channels - TOGETHER * LANES; e += TOGETHER * LANES) {
      eightOut(panel, pitch, segment, offset + 4L * e, stride, steps, e);
    }
    for (; e < channels; e += LANES) {
      oneOut(panel + place(e, pitch), segment, offset + 4L * e, stride, steps);
    }
  }

  private static void eightOut(
      long panel, long pitch, MemorySegment segment, long offset, long stride, int steps, int e) {
    MemorySegment target = reach(segment);
    long to = VectorAccess.place(segment, offset);
    long from0 = panel + place(e, pitch);
    long from1 = panel + place(e + LANES, pitch);
    long from2 = panel + place(e + 2 * LANES, pitch);
    long from3 = panel + place(e + 3 * LANES, pitch);
    long from4 = panel + place(e + 4 * LANES, pitch);
    long from5 = panel + place(e + 5 * LANES, pitch);
    long from6 = panel + place(e + 6 * LANES, pitch);
    long from7 = panel + place(e + 7 * LANES, pitch);
    for (int t = 0; t < steps; t++) {
      long row = positive(to + t * stride);
      long step = t * STEP;
      fromMemorySegment(SPECIES, MEMORY, (from0 + step) & MASK, ORDER)
          .intoMemorySegment(target, row, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from1 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from2 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 2 * V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from3 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 3 * V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from4 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 4 * V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from5 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 5 * V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from6 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 6 * V, ORDER);
      fromMemorySegment(SPECIES, MEMORY, (from7 + step) & MASK, ORDER)
          .intoMemorySegment(target, row + 7 * V, ORDER);
    }
  }

  private static void oneOut(
      long from, MemorySegment segment, long offset, long stride, int steps) {
    MemorySegment target = reach(segment);
    long to = VectorAccess.place(segment, offset);
    for (int t = 0; t < steps; t++) {
      fromMemorySegment(SPECIES, MEMORY, (from + t * STEP) & MASK, ORDER)
          .intoMemorySegment(target, positive(to + t * stride), ORDER);
    }
  }
}
