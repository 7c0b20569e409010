package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** The convolution in plain loops; each takes the channel to begin at, for the vectors' tails. */
final class ScalarConv extends CpuConv {
  ScalarConv(WorkerPool pool) {
    super(pool, new ScalarRows());
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
    for (int c = 0; c < n; c++) {
      put(width, packed, x + c, taps + c, out, outStart + c, n, add);
    }
  }

  /** The same for one channel, whose steps and taps are n elements apart. */
  static void put(
      int width,
      MemorySegment packed,
      long x,
      long taps,
      MemorySegment out,
      long outStart,
      int n,
      boolean add) {
    float sum = add ? get(out, outStart) : get(packed, taps + (long) width * n);
    for (int j = 0; j < width; j++) {
      sum = Math.fma(get(packed, taps + (long) j * n), get(packed, x + (long) j * n), sum);
    }
    set(out, outStart, sum);
  }

  @Override
  void silu(MemorySegment p, long start, int n) {
    ScalarElementwise.span(CpuElementwise.Function.SILU, p, start, p, start, n);
  }

  @Override
  void siluSlope(MemorySegment p, long start, int n) {
    ScalarElementwise.span(CpuElementwise.Function.SILU_SLOPE, p, start, p, start, n);
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
    for (int c = 0; c < n; c++) {
      channelGradients(shape, packed, x + c, pGrad + c, steps, n, sums, start + c);
    }
  }

  /** The same for one channel, whose steps are n elements apart. */
  static void channelGradients(
      Shape shape,
      MemorySegment packed,
      long x,
      long pGrad,
      int steps,
      int n,
      MemorySegment sums,
      long start) {
    for (int j = 0; j < shape.width(); j++) {
      float sum = tapGradient(packed, x + (long) j * n, pGrad, steps, n);
      set(sums, start + (long) j * shape.channels(), sum);
    }
    float sum = 0;
    for (int t = 0; t < steps; t++) {
      sum += get(packed, pGrad + (long) t * n);
    }
    set(sums, start + (long) shape.width() * shape.channels(), sum);
  }

  private static float tapGradient(MemorySegment packed, long x, long pGrad, int steps, int n) {
    float sum = 0;
    for (int t = 0; t < steps; t++) {
      sum = Math.fma(get(packed, pGrad + (long) t * n), get(packed, x + (long) t * n), sum);
    }
    return sum;
  }
}
