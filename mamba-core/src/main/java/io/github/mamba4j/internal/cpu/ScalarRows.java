package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** Plain loops. */
class ScalarRows extends Rows {
  @Override
  void scale(
      float factor,
      MemorySegment x,
      long xStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    scaleSpan(factor, x, xStart, y, yStart, n, add);
  }

  static void scaleSpan(
      float factor,
      MemorySegment x,
      long xStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    if (add) {
      for (int i = 0; i < n; i++) {
        set(y, yStart + i, Math.fma(factor, get(x, xStart + i), get(y, yStart + i)));
      }
    } else {
      for (int i = 0; i < n; i++) {
        set(y, yStart + i, factor * get(x, xStart + i));
      }
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
    sumSpan(a, aStart, factor, b, bStart, y, yStart, n);
  }

  static void sumSpan(
      MemorySegment a,
      long aStart,
      float factor,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n) {
    for (int i = 0; i < n; i++) {
      set(y, yStart + i, Math.fma(factor, get(b, bStart + i), get(a, aStart + i)));
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
    productSpan(a, aStart, b, bStart, y, yStart, n, add);
  }

  static void productSpan(
      MemorySegment a,
      long aStart,
      MemorySegment b,
      long bStart,
      MemorySegment y,
      long yStart,
      int n,
      boolean add) {
    for (int i = 0; i < n; i++) {
      float left = get(a, aStart + i);
      float right = get(b, bStart + i);
      set(y, yStart + i, add ? Math.fma(left, right, get(y, yStart + i)) : left * right);
    }
  }

  @Override
  void fill(float value, MemorySegment y, long yStart, int n) {
    fillSpan(value, y, yStart, n);
  }

  static void fillSpan(float value, MemorySegment y, long yStart, int n) {
    for (int i = 0; i < n; i++) {
      set(y, yStart + i, value);
    }
  }

  @Override
  float sum(MemorySegment x, long xStart, int n) {
    return sumSpan(x, xStart, n);
  }

  static float sumSpan(MemorySegment x, long xStart, int n) {
    // In double: one float accumulator would lose what several lanes keep.
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += get(x, xStart + i);
    }
    return (float) sum;
  }

  @Override
  float squares(MemorySegment x, long xStart, int n) {
    return squaresSpan(x, xStart, n);
  }

  static float squaresSpan(MemorySegment x, long xStart, int n) {
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double value = get(x, xStart + i);
      squares += value * value;
    }
    return (float) squares;
  }

  @Override
  float dot(MemorySegment a, long aStart, MemorySegment b, long bStart, int n) {
    return (float) dotSpan(a, aStart, b, bStart, n);
  }

  static double dotSpan(MemorySegment a, long aStart, MemorySegment b, long bStart, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += (double) get(a, aStart + i) * get(b, bStart + i);
    }
    return sum;
  }

  @Override
  void silu(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    siluSpan(x, xStart, y, yStart, n);
  }

  static void siluSpan(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    for (int i = 0; i < n; i++) {
      set(y, yStart + i, ScalarMath.silu(get(x, xStart + i)));
    }
  }

  @Override
  void siluSlope(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    siluSlopeSpan(x, xStart, y, yStart, n);
  }

  static void siluSlopeSpan(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    for (int i = 0; i < n; i++) {
      float value = get(x, xStart + i);
      float sigmoid = ScalarMath.sigmoid(value);
      set(y, yStart + i, sigmoid * Math.fma(value, 1 - sigmoid, 1));
    }
  }
}
