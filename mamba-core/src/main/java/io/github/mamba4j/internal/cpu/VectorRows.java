package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The same loops on vectors; the last elements go through {@link ScalarRows}. */
final class VectorRows extends Rows {
  @Override
  void scale(
      float factor,
      MemorySegment x,
      long xStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    int bound = SPECIES.loopBound(n);
    if (add) {
      addScaled(factor, x, xStart, y, yStart, bound);
    } else {
      setScaled(factor, x, xStart, y, yStart, bound);
    }
    ScalarRows.scaleSpan(factor, x, xStart + bound, y, yStart + bound, n - bound, add);
  }

  private static void addScaled(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int i = 0; i < n; i += LANES) {
      fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER)
          .fma(factors, fromMemorySegment(SPECIES, to, (yStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void setScaled(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int i = 0; i < n; i += LANES) {
      fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER)
          .mul(factors)
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
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
    MemorySegment left = offHeap(a);
    MemorySegment right = offHeap(b);
    MemorySegment to = offHeap(y);
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      fromMemorySegment(SPECIES, right, (bStart + i) << 2, ORDER)
          .fma(factors, fromMemorySegment(SPECIES, left, (aStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
    ScalarRows.sumSpan(a, aStart + bound, factor, b, bStart + bound, y, yStart + bound, n - bound);
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
    int bound = SPECIES.loopBound(n);
    if (add) {
      addProduct(a, aStart, b, bStart, y, yStart, bound);
    } else {
      setProduct(a, aStart, b, bStart, y, yStart, bound);
    }
    ScalarRows.productSpan(a, aStart + bound, b, bStart + bound, y, yStart + bound, n - bound, add);
  }

  private static void addProduct(
      MemorySegment a,
      long aStart,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n) {
    MemorySegment left = offHeap(a);
    MemorySegment right = offHeap(b);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      FloatVector before = fromMemorySegment(SPECIES, to, (yStart + i) << 2, ORDER);
      fromMemorySegment(SPECIES, left, (aStart + i) << 2, ORDER)
          .fma(fromMemorySegment(SPECIES, right, (bStart + i) << 2, ORDER), before)
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void setProduct(
      MemorySegment a,
      long aStart,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n) {
    MemorySegment left = offHeap(a);
    MemorySegment right = offHeap(b);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      fromMemorySegment(SPECIES, left, (aStart + i) << 2, ORDER)
          .mul(fromMemorySegment(SPECIES, right, (bStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  @Override
  void fill(float value, MemorySegment y, long yStart, int n) {
    MemorySegment to = offHeap(y);
    FloatVector values = FloatVector.broadcast(SPECIES, value);
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      values.intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
    ScalarRows.fillSpan(value, y, yStart + bound, n - bound);
  }

  @Override
  float sum(MemorySegment x, long xStart, int n) {
    MemorySegment from = offHeap(x);
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    // Four sums hide the latency of the addition.
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      sum0 = sum0.add(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER));
      sum1 = sum1.add(fromMemorySegment(SPECIES, from, (xStart + (i + LANES)) << 2, ORDER));
      sum2 = sum2.add(fromMemorySegment(SPECIES, from, (xStart + (i + 2 * LANES)) << 2, ORDER));
      sum3 = sum3.add(fromMemorySegment(SPECIES, from, (xStart + (i + 3 * LANES)) << 2, ORDER));
    }
    for (; i <= n - LANES; i += LANES) {
      sum0 = sum0.add(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER));
    }
    float sum = VectorMath.sum(sum0.add(sum1).add(sum2.add(sum3)));
    return sum + ScalarRows.sumSpan(x, xStart + i, n - i);
  }

  @Override
  float squares(MemorySegment x, long xStart, int n) {
    MemorySegment from = offHeap(x);
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      FloatVector x0 = fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER);
      FloatVector x1 = fromMemorySegment(SPECIES, from, (xStart + (i + LANES)) << 2, ORDER);
      FloatVector x2 = fromMemorySegment(SPECIES, from, (xStart + (i + 2 * LANES)) << 2, ORDER);
      FloatVector x3 = fromMemorySegment(SPECIES, from, (xStart + (i + 3 * LANES)) << 2, ORDER);
      sum0 = x0.fma(x0, sum0);
      sum1 = x1.fma(x1, sum1);
      sum2 = x2.fma(x2, sum2);
      sum3 = x3.fma(x3, sum3);
    }
    for (; i <= n - LANES; i += LANES) {
      FloatVector x0 = fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER);
      sum0 = x0.fma(x0, sum0);
    }
    float sum = VectorMath.sum(sum0.add(sum1).add(sum2.add(sum3)));
    return sum + ScalarRows.squaresSpan(x, xStart + i, n - i);
  }

  @Override
  float dot(MemorySegment a, long aStart, MemorySegment b, long bStart, int n) {
    MemorySegment left = offHeap(a);
    MemorySegment right = offHeap(b);
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      int i1 = i + LANES;
      int i2 = i + 2 * LANES;
      int i3 = i + 3 * LANES;
      sum0 =
          fromMemorySegment(SPECIES, left, (aStart + i) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, right, (bStart + i) << 2, ORDER), sum0);
      sum1 =
          fromMemorySegment(SPECIES, left, (aStart + i1) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, right, (bStart + i1) << 2, ORDER), sum1);
      sum2 =
          fromMemorySegment(SPECIES, left, (aStart + i2) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, right, (bStart + i2) << 2, ORDER), sum2);
      sum3 =
          fromMemorySegment(SPECIES, left, (aStart + i3) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, right, (bStart + i3) << 2, ORDER), sum3);
    }
    for (; i <= n - LANES; i += LANES) {
      sum0 =
          fromMemorySegment(SPECIES, left, (aStart + i) << 2, ORDER)
              .fma(fromMemorySegment(SPECIES, right, (bStart + i) << 2, ORDER), sum0);
    }
    float sum = VectorMath.sum(sum0.add(sum1).add(sum2.add(sum3)));
    return (float) (sum + ScalarRows.dotSpan(a, aStart + i, b, bStart + i, n - i));
  }

  @Override
  void silu(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      VectorMath.silu(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
    ScalarRows.siluSpan(x, xStart + bound, y, yStart + bound, n - bound);
  }

  @Override
  void siluSlope(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    int bound = SPECIES.loopBound(n);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER);
      FloatVector sigmoid = VectorMath.sigmoid(value);
      sigmoid.mul(value.fma(one.sub(sigmoid), one)).intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
    ScalarRows.siluSlopeSpan(x, xStart + bound, y, yStart + bound, n - bound);
  }
}
