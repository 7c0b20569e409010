package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The convolution on vectors of channels; the last channels go through {@link ScalarConv}. */
final class VectorConv extends CpuConv {
  private static final EmptyCalls EMPTY = new EmptyCalls();

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
      for (int i = EMPTY.before(n / LANES); i > 0; i--) {
        addFour(packed, x + at, taps + at, base, baseStart, out, outStart, 0);
      }
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
      FloatVector sum =
          fromMemorySegment(SPECIES, from, (taps + c) << 2, ORDER)
              .fma(
                  fromMemorySegment(SPECIES, from, (x + c) << 2, ORDER),
                  fromMemorySegment(SPECIES, before, (baseStart + c) << 2, ORDER));
      sum =
          fromMemorySegment(SPECIES, from, (taps1 + c) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, from, (x1 + c) << 2, ORDER), sum);
      sum =
          fromMemorySegment(SPECIES, from, (taps2 + c) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, from, (x2 + c) << 2, ORDER), sum);
      sum =
          fromMemorySegment(SPECIES, from, (taps3 + c) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, from, (x3 + c) << 2, ORDER), sum);
      sum.intoMemorySegment(to, (outStart + c) << 2, ORDER);
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
      FloatVector sum =
          fromMemorySegment(SPECIES, from, (taps + c) << 2, ORDER)
              .fma(
                  fromMemorySegment(SPECIES, from, (x + c) << 2, ORDER),
                  fromMemorySegment(SPECIES, before, (baseStart + c) << 2, ORDER));
      sum.intoMemorySegment(to, (outStart + c) << 2, ORDER);
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
    FloatVector x0 = fromMemorySegment(SPECIES, packed, x << 2, ORDER);
    FloatVector x1 = fromMemorySegment(SPECIES, packed, (x + n) << 2, ORDER);
    FloatVector x2 = fromMemorySegment(SPECIES, packed, (x + 2 * n) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      FloatVector grad = fromMemorySegment(SPECIES, packed, (pGrad + t * n) << 2, ORDER);
      FloatVector x3 = fromMemorySegment(SPECIES, packed, (x + (t + 3) * n) << 2, ORDER);
      sum0 = grad.fma(x0, sum0);
      sum1 = grad.fma(x1, sum1);
      sum2 = grad.fma(x2, sum2);
      sum3 = grad.fma(x3, sum3);
      x0 = x1;
      x1 = x2;
      x2 = x3;
    }
    sum0.intoMemorySegment(sums, start << 2, ORDER);
    sum1.intoMemorySegment(sums, (start + stride) << 2, ORDER);
    sum2.intoMemorySegment(sums, (start + 2 * stride) << 2, ORDER);
    sum3.intoMemorySegment(sums, (start + 3 * stride) << 2, ORDER);
  }

  private static void oneTap(
      MemorySegment packed, long x, long pGrad, int steps, long n, MemorySegment sums, long start) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum =
          fromMemorySegment(SPECIES, packed, (pGrad + t * n) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, packed, (x + t * n) << 2, ORDER), sum);
    }
    sum.intoMemorySegment(sums, start << 2, ORDER);
  }

  private static void bias(
      MemorySegment packed, long pGrad, int steps, long n, MemorySegment sums, long start) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      sum = sum.add(fromMemorySegment(SPECIES, packed, (pGrad + t * n) << 2, ORDER));
    }
    // Stored here: a vector that a method returns is an object wherever the call is not inlined.
    sum.intoMemorySegment(sums, start << 2, ORDER);
  }
}
