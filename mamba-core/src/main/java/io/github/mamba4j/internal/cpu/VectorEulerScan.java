package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MASK;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MEMORY;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The scan of a chunk under Euler's rule: groups of four states, and in them all channels. */
final class VectorEulerScan {
  private static final int GROUP = VectorEulerLoops.GROUP;
  private static final long VECTOR = 4L * LANES;

  /** As many lanes as a group has states. */
  private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;

  /** Sums of a step for B and C. */
  private static final int SUMS = 2 * GROUP;

  private VectorEulerScan() {}

  static void forward(MemorySegment tile, int steps, int chunk, int width, int states) {
    if (!VectorEulerLoops.SPREAD) {
      for (int e = 0; e < width; e += LANES) {
        forwardColumn(tile, steps, chunk, width, states, e);
      }
      return;
    }
    long base = VectorTileMemory.offset(tile);
    boolean plain = plain(base, steps, chunk, width, states);
    for (int n = 0; n < states; n += GROUP) {
      spread(base, steps, chunk, width, states, n);
      for (int e = 0; e < width; e += LANES) {
        forwardGroup(base, steps, chunk, width, states, n, e, plain);
      }
    }
  }

  /** Runs all states of a vector of channels, whose panels then stay in the first-level cache. */
  static void forwardColumn(
      MemorySegment tile, int steps, int chunk, int width, int states, int e) {
    long base = VectorTileMemory.offset(tile);
    long column = base + (ScanTile.column(chunk, e) << 2);
    long a = base + ((ScanTile.a(chunk, width) + e) << 2);
    long toState = (ScanTile.state(chunk, width, states) - ScanTile.a(chunk, width)) << 2;
    long b = base + (ScanTile.b(chunk, width, states) << 2);
    long toC = (ScanTile.c(chunk, width, states) - ScanTile.b(chunk, width, states)) << 2;
    long next = 4L * width;
    boolean plain = plain(base, steps, chunk, width, states, e);
    int whole = plain ? states - states % GROUP : 0;
    for (int n = 0; n < whole; n += 2) {
      VectorEulerLoops.plainForward(
          column, a + n * next, toState, next, b + 4L * n, toC, 4L * states, steps);
    }
    for (int n = whole; n < states; n += GROUP) {
      spread(base, steps, chunk, width, states, n);
      forwardGroup(base, steps, chunk, width, states, n, e, plain);
    }
  }

  private static void forwardGroup(
      long base, int steps, int chunk, int width, int states, int n, int e, boolean plain) {
    long column = base + (ScanTile.column(chunk, e) << 2);
    long work = base + (ScanTile.work(chunk, width, states) << 2);
    long a = base + (ScanTile.a(chunk, width) << 2);
    long state = base + (ScanTile.state(chunk, width, states) << 2);
    long vector = 4L * ((long) n * width + e);
    decays(column, work, a + vector, width, steps, plain);
    VectorEulerLoops.forward(column, work, state + vector, 4L * width, steps);
  }

  static void backward(MemorySegment tile, int steps, int chunk, int width, int states) {
    long base = VectorTileMemory.offset(tile);
    long work = base + (ScanTile.work(chunk, width, states) << 2);
    long a = base + (ScanTile.a(chunk, width) << 2);
    long state = base + (ScanTile.state(chunk, width, states) << 2);
    long toGrad = (ScanTile.stateGrad(chunk, width, states) - ScanTile.a(chunk, width)) << 2;
    long toAGrad = (ScanTile.aGrad(chunk, width, states) - ScanTile.a(chunk, width)) << 2;
    boolean plain = plain(base, steps, chunk, width, states);
    for (int n = 0; n < states; n += GROUP) {
      spread(base, steps, chunk, width, states, n);
      VectorEulerLoops.clearSums(work, steps);
      for (int e = 0; e < width; e += LANES) {
        long column = base + (ScanTile.column(chunk, e) << 2);
        long vector = 4L * ((long) n * width + e);
        decays(column, work, a + vector, width, steps, plain);
        VectorEulerLoops.keep(column, work, state + vector, 4L * width, steps);
        for (int g = 0; g < GROUP; g += 2) {
          long first = a + vector + 4L * g * width;
          VectorEulerLoops.back(
              column, work + g * VECTOR, work + 4L * g, first, 4L * width, toGrad, toAGrad, steps);
        }
      }
      sumLanes(tile, steps, chunk, width, states, n);
    }
  }

  private static boolean plain(long base, int steps, int chunk, int width, int states) {
    boolean plain = true;
    for (int e = 0; e < width && plain; e += LANES) {
      plain = plain(base, steps, chunk, width, states, e);
    }
    return plain;
  }

  private static boolean plain(long base, int steps, int chunk, int width, int states, int e) {
    long column = base + (ScanTile.column(chunk, e) << 2);
    long a = base + ((ScanTile.largestA(chunk, width, states) + e) << 2);
    return VectorEulerLoops.plain(column, a, steps);
  }

  private static void spread(long base, int steps, int chunk, int width, int states, int n) {
    long work = base + (ScanTile.work(chunk, width, states) << 2);
    long b = base + ((ScanTile.b(chunk, width, states) + n) << 2);
    long c = base + ((ScanTile.c(chunk, width, states) + n) << 2);
    for (int g = 0; g < GROUP; g++) {
      if (n + g < states) {
        VectorEulerLoops.spread(work, g, b + 4L * g, c + 4L * g, 4L * states, steps);
      } else {
        VectorEulerLoops.spreadZeros(work, g, steps);
      }
    }
  }

  private static void decays(long column, long work, long a, int width, int steps, boolean plain) {
    long next = 4L * width;
    if (plain) {
      for (int g = 0; g < GROUP; g += 2) {
        VectorEulerLoops.plainDecays(column, work + g * VECTOR, a + g * next, next, steps);
      }
    } else {
      for (int g = 0; g < GROUP; g++) {
        VectorEulerLoops.clampedDecays(column, work + g * VECTOR, a + g * next, steps);
      }
    }
  }

  /**
   * Adds the lanes of the sums for B and C of four states. Those of a step, eight vectors, lie side
   * by side, and so do then their sums, in the place of the first.
   */
  private static void sumLanes(
      MemorySegment tile, int steps, int chunk, int width, int states, int n) {
    long work = VectorTileMemory.offset(tile) + (ScanTile.work(chunk, width, states) << 2);
    long sums = work + VectorEulerLoops.B_SUM;
    int together = Math.max(1, LANES / SUMS);
    for (int t = 0; t < steps; t += together) {
      long first = sums + t * VectorEulerLoops.WORK_STEP;
      long last = sums + Math.min(t + together, steps) * VectorEulerLoops.WORK_STEP;
      sumSteps(first, last - VectorEulerLoops.WORK_STEP);
    }
    long b = ScanTile.bGrad(chunk, width, states) + n;
    long c = ScanTile.cGrad(chunk, width, states) + n;
    for (int t = 0; t < steps; t++) {
      long first = sums + (t - t % together) * VectorEulerLoops.WORK_STEP;
      long from = first + (long) (t % together) * SUMS * Float.BYTES;
      copySums(tile, from, b + (long) t * states, Math.min(GROUP, states - n));
      copySums(
          tile, from + GROUP * Float.BYTES, c + (long) t * states, Math.min(GROUP, states - n));
    }
  }

  private static void copySums(MemorySegment tile, long from, long to, int count) {
    if (count == GROUP) {
      long at = (VectorTileMemory.offset(tile) + (to << 2)) & MASK;
      fromMemorySegment(FOUR, MEMORY, from & MASK, ORDER).intoMemorySegment(MEMORY, at, ORDER);
      return;
    }
    for (int g = 0; g < count; g++) {
      CpuStorage.set(tile, to + g, CpuStorage.get(MEMORY, (from >> 2) + g));
    }
  }

  /** Adds the lanes of the eight vectors of a step, and with 16 lanes of another one. */
  private static void sumSteps(long first, long second) {
    if (LANES > SUMS) {
      VectorLaneSums.sum(MEMORY, first, second, MEMORY, first);
      return;
    }
    for (int i = 0; i < SUMS; i += LANES) {
      long from = first + i * VECTOR;
      VectorLaneSums.sum(MEMORY, from, from + LANES / 2 * VECTOR, MEMORY, first + 4L * i);
    }
  }
}
