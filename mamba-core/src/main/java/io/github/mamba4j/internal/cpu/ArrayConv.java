package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** The convolution forward with the bits of {@link VectorConv}, over arrays. */
final class ArrayConv extends CpuConv {
  private final ArrayRows rows;

  ArrayConv(WorkerPool pool) {
    this(pool, new ArrayRows());
  }

  private ArrayConv(WorkerPool pool, ArrayRows rows) {
    super(pool, rows);
    this.rows = rows;
  }

  @Override
  void correlate(
      int width,
      MemorySegment packed,
      long x,
      long taps,
      MemorySegment out,
      long outStart,
      int n,
      boolean add) {
    float[] inputs = ArrayRows.read(0, packed, x, width * n);
    float[] weights = ArrayRows.read(1, packed, taps, width * n);
    // The bias lies behind the taps.
    float[] sums =
        add
            ? ArrayRows.read(2, out, outStart, n)
            : ArrayRows.read(2, packed, taps + (long) width * n, n);
    for (int j = 0; j < width; j++) {
      for (int i = 0; i < n; i += ArrayRows.PIECE) {
        addTap(weights, inputs, j * n, sums, i, Math.min(n, i + ArrayRows.PIECE));
      }
    }
    ArrayRows.write(sums, out, outStart, n);
  }

  private static void addTap(float[] taps, float[] x, int at, float[] sums, int from, int to) {
    for (int i = from; i < to; i++) {
      sums[i] = Math.fma(taps[at + i], x[at + i], sums[i]);
    }
  }

  @Override
  void silu(MemorySegment p, long start, int n) {
    rows.silu(p, start, p, start, n);
  }

  @Override
  void siluSlope(MemorySegment p, long start, int n) {
    throw new AssertionError("ArrayConv: forward only");
  }

  @Override
  void tapGradients(
      Shape shape,
      MemorySegment packed,
      long x,
      long pGrad,
      int steps,
      int n,
      MemorySegment sums,
      long start) {
    throw new AssertionError("ArrayConv: forward only");
  }
}
