package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** Cross-entropy in plain loops. */
final class ScalarLoss extends CpuLoss {
  ScalarLoss(WorkerPool pool) {
    super(pool, new ScalarRows());
  }

  @Override
  float max(MemorySegment x, long start, int n) {
    return maxSpan(x, start, n);
  }

  static float maxSpan(MemorySegment x, long start, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      float value = get(x, start + i);
      max = value > max ? value : max;
    }
    return max;
  }

  @Override
  float exponentials(MemorySegment x, long xStart, int n, float max, MemorySegment y, long yStart) {
    return exponentialsSpan(x, xStart, n, max, y, yStart);
  }

  static float exponentialsSpan(
      MemorySegment x, long xStart, int n, float max, MemorySegment y, long yStart) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      float value = ScalarMath.exp(get(x, xStart + i) - max);
      sum += value;
      set(y, yStart + i, value);
    }
    return (float) sum;
  }
}
