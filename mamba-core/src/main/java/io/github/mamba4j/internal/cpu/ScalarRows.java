package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** Plain loops. */
final class ScalarRows extends Rows {
  @Override
  void scale(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n, boolean add) {
    scaleSpan(factor, x, xStart, y, yStart, n, add);
  }

  static void scaleSpan(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n, boolean add) {
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
}
