package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The convolution on vectors of channels; the last channels go through {@link ScalarConv}. */
final class VectorConv extends CpuConv {
  VectorConv(WorkerPool pool) {
    super(pool, new VectorRows());
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
    int c = 0;
    for (; c <= n - LANES; c += LANES) {
      FloatVector sum = correlate(width, packed, x + c, taps + c, n);
      if (store == Store.SILU) {
        sum = VectorMath.silu(sum);
      } else if (store == Store.ADD) {
        sum = sum.add(load(out, outStart + c));
      }
      store(sum, out, outStart + c);
    }
    for (; c < n; c++) {
      float sum = ScalarConv.correlate(width, packed, x + c, taps + c, n);
      ScalarConv.put(sum, out, outStart + c, store);
    }
  }

  private static FloatVector correlate(
      int width, MemorySegment packed, long x, long taps, long n) {
    FloatVector sum = load(packed, taps + width * n);
    int j = 0;
    // The usual width is 4: without a loop over taps.
    for (; j <= width - 4; j += 4) {
      long at = j * n;
      sum = load(packed, taps + at).fma(load(packed, x + at), sum);
      sum = load(packed, taps + at + n).fma(load(packed, x + at + n), sum);
      sum = load(packed, taps + at + 2 * n).fma(load(packed, x + at + 2 * n), sum);
      sum = load(packed, taps + at + 3 * n).fma(load(packed, x + at + 3 * n), sum);
    }
    for (; j < width; j++) {
      sum = load(packed, taps + j * n).fma(load(packed, x + j * n), sum);
    }
    return sum;
  }

  @Override
  void siluGradient(MemorySegment p, long pStart, MemorySegment grad, long start, int n) {
    int bound = SPECIES.loopBound(n);
    for (int c = 0; c < bound; c += LANES) {
      FloatVector slope = VectorElementwise.siluSlope(load(p, pStart + c));
      store(slope.mul(load(grad, start + c)), p, pStart + c);
    }
    ScalarConv.siluGradient(p, pStart, grad, start, bound, n);
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
    int width = shape.width();
    long channels = shape.channels();
    int c = 0;
    for (; c <= n - LANES; c += LANES) {
      int j = 0;
      for (; j <= width - 4; j += 4) {
        long at = start + j * channels + c;
        fourTaps(packed, x + (long) j * n + c, pGrad + c, steps, n, sums, at, channels);
      }
      for (; j < width; j++) {
        FloatVector sum = oneTap(packed, x + (long) j * n + c, pGrad + c, steps, n);
        store(sum, sums, start + j * channels + c);
      }
      store(bias(packed, pGrad + c, steps, n), sums, start + width * channels + c);
    }
    for (; c < n; c++) {
      ScalarConv.channelGradients(shape, packed, x + c, pGrad + c, steps, n, sums, start + c);
    }
  }

  /** Four neighbouring taps at once: each input is loaded once and meets all four. */
  private static void fourTaps(
      MemorySegment packed,
      long x,
      long pGrad,
      int steps,
      long n,
      MemorySegment sums,
      long start,
      long stride) {
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    FloatVector x0 = load(packed, x);
    FloatVector x1 = load(packed, x + n);
    FloatVector x2 = load(packed, x + 2 * n);
    for (int t = 0; t < steps; t++) {
      FloatVector grad = load(packed, pGrad + t * n);
      FloatVector x3 = load(packed, x + (t + 3) * n);
      sum0 = grad.fma(x0, sum0);
      sum1 = grad.fma(x1, sum1);
      sum2 = grad.fma(x2, sum2);
      sum3 = grad.fma(x3, sum3);
      x0 = x1;
      x1 = x2;
      x2 = x3;
    }
    store(sum0, sums, start);
    store(sum1, sums, start + stride);
    store(sum2, sums, start + 2 * stride);
    store(sum3, sums, start + 3 * stride);
  }

  private static FloatVector oneTap(
      MemorySegment packed, long x, long pGrad, int steps, long n) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum = load(packed, pGrad + t * n).fma(load(packed, x + t * n), sum);
    }
    return sum;
  }

  private static FloatVector bias(MemorySegment packed, long pGrad, int steps, long n) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum = sum.add(load(packed, pGrad + t * n));
    }
    return sum;
  }
}
