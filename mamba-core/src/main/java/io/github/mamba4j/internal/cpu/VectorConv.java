package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
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
      boolean add) {
    int bound = SPECIES.loopBound(n);
    MemorySegment base = add ? out : packed;
    long baseStart = add ? outStart : taps + (long) width * n;
    int j = 0;
    // Pass by pass: a loop over taps inside the loop over channels would be slower.
    for (; j <= width - 4; j += 4) {
      long at = (long) j * n;
      addFour(packed, x + at, taps + at, base, baseStart, out, outStart, n);
      base = out;
      baseStart = outStart;
    }
    for (; j < width; j++) {
      long at = (long) j * n;
      addOne(packed, x + at, taps + at, base, baseStart, out, outStart, bound);
      base = out;
      baseStart = outStart;
    }
    for (int c = bound; c < n; c++) {
      ScalarConv.put(width, packed, x + c, taps + c, out, outStart + c, n, add);
    }
  }

  /** {@code out = base + taps_0·x_0 + … + taps_3·x_3}, whole vectors of n channels. */
  private static void addFour(
      MemorySegment packed,
      long x,
      long taps,
      MemorySegment base,
      long baseStart,
      MemorySegment out,
      long outStart,
      int n) {
    MemorySegment from = offHeap(packed);
    MemorySegment before = offHeap(base);
    MemorySegment to = offHeap(out);
    int bound = SPECIES.loopBound(n);
    long x1 = x + n;
    long x2 = x1 + n;
    long x3 = x2 + n;
    long taps1 = taps + n;
    long taps2 = taps1 + n;
    long taps3 = taps2 + n;
    for (int c = 0; c < bound; c += LANES) {
      FloatVector sum = load(from, taps + c).fma(load(from, x + c), load(before, baseStart + c));
      sum = load(from, taps1 + c).fma(load(from, x1 + c), sum);
      sum = load(from, taps2 + c).fma(load(from, x2 + c), sum);
      sum = load(from, taps3 + c).fma(load(from, x3 + c), sum);
      store(sum, to, outStart + c);
    }
  }

  private static void addOne(
      MemorySegment packed,
      long x,
      long taps,
      MemorySegment base,
      long baseStart,
      MemorySegment out,
      long outStart,
      int n) {
    MemorySegment from = offHeap(packed);
    MemorySegment before = offHeap(base);
    MemorySegment to = offHeap(out);
    for (int c = 0; c < n; c += LANES) {
      FloatVector sum = load(from, taps + c).fma(load(from, x + c), load(before, baseStart + c));
      store(sum, to, outStart + c);
    }
  }

  @Override
  void silu(MemorySegment p, long start, int n) {
    int bound = SPECIES.loopBound(n);
    VectorElementwise.silu(p, start, p, start, bound);
    ScalarElementwise.span(
        CpuElementwise.Function.SILU, p, start + bound, p, start + bound, n - bound);
  }

  @Override
  void siluSlope(MemorySegment p, long start, int n) {
    int bound = SPECIES.loopBound(n);
    VectorElementwise.siluSlope(p, start, p, start, bound);
    ScalarElementwise.span(
        CpuElementwise.Function.SILU_SLOPE, p, start + bound, p, start + bound, n - bound);
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
    MemorySegment from = offHeap(packed);
    MemorySegment to = offHeap(sums);
    int width = shape.width();
    long channels = shape.channels();
    int c = 0;
    for (; c <= n - LANES; c += LANES) {
      int j = 0;
      for (; j <= width - 4; j += 4) {
        long at = start + j * channels + c;
        fourTaps(from, x + (long) j * n + c, pGrad + c, steps, n, to, at, channels);
      }
      for (; j < width; j++) {
        long at = start + j * channels + c;
        oneTap(from, x + (long) j * n + c, pGrad + c, steps, n, to, at);
      }
      bias(from, pGrad + c, steps, n, to, start + width * channels + c);
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

  private static void oneTap(
      MemorySegment packed, long x, long pGrad, int steps, long n, MemorySegment sums, long start) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum = load(packed, pGrad + t * n).fma(load(packed, x + t * n), sum);
    }
    store(sum, sums, start);
  }

  private static void bias(
      MemorySegment packed, long pGrad, int steps, long n, MemorySegment sums, long start) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum = sum.add(load(packed, pGrad + t * n));
    }
    // Stored here: a vector that a method returns is an object wherever the call is not inlined.
    store(sum, sums, start);
  }
}
