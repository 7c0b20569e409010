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
      Store store) {
    for (int c = 0; c < n; c++) {
      put(correlate(width, packed, x + c, taps + c, n), out, outStart + c, store);
    }
  }

  static void put(float sum, MemorySegment out, long index, Store store) {
    switch (store) {
      case OVERWRITE -> set(out, index, sum);
      case SILU -> set(out, index, ScalarMath.silu(sum));
      case ADD -> set(out, index, get(out, index) + sum);
    }
  }

  /** Returns bias and sum over the taps of one channel, whose steps are n elements apart. */
  static float correlate(int width, MemorySegment packed, long x, long taps, int n) {
    float sum = get(packed, taps + (long) width * n);
    for (int j = 0; j < width; j++) {
      sum = Math.fma(get(packed, taps + (long) j * n), get(packed, x + (long) j * n), sum);
    }
    return sum;
  }

  @Override
  void siluGradient(MemorySegment p, long pStart, MemorySegment grad, long start, int n) {
    siluGradient(p, pStart, grad, start, 0, n);
  }

  static void siluGradient(
      MemorySegment p, long pStart, MemorySegment grad, long start, int from, int n) {
    for (int c = from; c < n; c++) {
      float slope = ScalarElementwise.siluSlope(get(p, pStart + c));
      set(p, pStart + c, slope * get(grad, start + c));
    }
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
