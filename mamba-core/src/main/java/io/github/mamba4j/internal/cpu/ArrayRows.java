package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Loops along rows with the bits of {@link VectorRows}, over arrays: see {@link ArrayDots} for why.
 * What inference does not call first is left to {@link ScalarRows}.
 */
final class ArrayRows extends ScalarRows {
  private static final int LANES = VectorWidth.LANES;

  /**
   * Most turns of a loop a call. HotSpot compiles a loop that goes round 40,000 times while it runs
   * and its method again after 600 calls: with fewer turns only the latter, half the work.
   */
  static final int PIECE = 64;

  private static final int ROOM_ARRAYS = 5;
  private static final int ROOM_FLOATS = 1024;

  /** Vectors of sums. */
  private static final int SUMS = 4;

  /** Arrays of every thread. New ones for each call would be page after page of fresh memory. */
  private static final ThreadLocal<float[][]> ROOMS =
      new ThreadLocal<>() {
        @Override
        protected float[][] initialValue() {
          return new float[ROOM_ARRAYS][ROOM_FLOATS];
        }
      };

  /** Returns one of the thread's arrays, with room for at least n floats. */
  static float[] room(int which, int n) {
    float[][] rooms = ROOMS.get();
    if (rooms[which].length < n) {
      rooms[which] = new float[n];
    }
    return rooms[which];
  }

  /** Returns one of the thread's arrays that begins with a copy of n floats. */
  static float[] read(int which, MemorySegment from, long start, int n) {
    float[] values = room(which, n);
    MemorySegment.copy(from, CpuStorage.FLOAT, start << 2, values, 0, n);
    return values;
  }

  /** Writes floats. */
  static void write(float[] values, MemorySegment to, long start, int n) {
    MemorySegment.copy(values, 0, to, CpuStorage.FLOAT, start << 2, n);
  }

  @Override
  void scale(
      float factor,
      MemorySegment x,
      long xStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    if (factor == 1 && !add) {
      long bytes = (long) n * Float.BYTES;
      MemorySegment.copy(x, xStart << 2, y, yStart << 2, bytes);
    } else {
      super.scale(factor, x, xStart, y, yStart, n, add);
    }
  }

  @Override
  void sum(
      MemorySegment a,
      long aStart,
      float factor,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n) {
    float[] sums = read(0, a, aStart, n);
    float[] added = read(1, b, bStart, n);
    for (int i = 0; i < n; i += PIECE) {
      addScaled(factor, added, sums, i, Math.min(n, i + PIECE));
    }
    write(sums, y, yStart, n);
  }

  private static void addScaled(float factor, float[] x, float[] sums, int from, int to) {
    for (int i = from; i < to; i++) {
      sums[i] = Math.fma(factor, x[i], sums[i]);
    }
  }

  @Override
  void product(
      MemorySegment a,
      long aStart,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    if (!add) {
      super.product(a, aStart, b, bStart, y, yStart, n, false);
      return;
    }
    float[] sums = read(0, y, yStart, n);
    float[] left = read(1, a, aStart, n);
    float[] right = read(2, b, bStart, n);
    for (int i = 0; i < n; i += PIECE) {
      addProducts(left, right, sums, i, Math.min(n, i + PIECE));
    }
    write(sums, y, yStart, n);
  }

  private static void addProducts(float[] x, float[] y, float[] sums, int from, int to) {
    for (int i = from; i < to; i++) {
      sums[i] = Math.fma(x[i], y[i], sums[i]);
    }
  }

  @Override
  void fill(float value, MemorySegment y, long yStart, int n) {
    if (Float.floatToRawIntBits(value) == 0) {
      y.asSlice(yStart << 2, (long) n * Float.BYTES).fill((byte) 0);
    } else {
      super.fill(value, y, yStart, n);
    }
  }

  @Override
  float squares(MemorySegment x, long xStart, int n) {
    float[] sums = room(1, SUMS * LANES);
    Arrays.fill(sums, 0, SUMS * LANES, 0);
    int whole = n / LANES * LANES;
    float[] values = read(0, x, xStart, n);
    for (int i = 0; i < whole; i += SUMS * LANES) {
      // Vectors that are no four go to the first sum.
      int vectors = (whole - i) / LANES;
      if (vectors >= SUMS) {
        addSquares(values, i, SUMS * LANES, sums);
      } else {
        for (int k = 0; k < vectors; k++) {
          addSquares(values, i + k * LANES, LANES, sums);
        }
      }
    }
    for (int lane = 0; lane < LANES; lane++) {
      float first = sums[lane] + sums[LANES + lane];
      sums[lane] = first + (sums[2 * LANES + lane] + sums[3 * LANES + lane]);
    }
    ArrayDots.addLanes(sums, 1, LANES);
    return sums[0] + ScalarRows.squaresSpan(x, xStart + whole, n - whole);
  }

  private static void addSquares(float[] x, int at, int count, float[] sums) {
    for (int k = 0; k < count; k++) {
      sums[k] = Math.fma(x[at + k], x[at + k], sums[k]);
    }
  }

  @Override
  void silu(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    float[] values = read(0, x, xStart, n);
    for (int i = 0; i < n; i += PIECE) {
      silu(values, i, Math.min(n, i + PIECE));
    }
    write(values, y, yStart, n);
  }

  private static void silu(float[] x, int from, int to) {
    for (int i = from; i < to; i++) {
      x[i] = ScalarMath.silu(x[i]);
    }
  }
}
