package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Cross-entropy on vectors; the last elements of a row go through {@link ScalarLoss}. */
final class VectorLoss extends CpuLoss {
  VectorLoss(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  @Override
  float max(MemorySegment x, long start, int n) {
    MemorySegment from = offHeap(x);
    FloatVector max0 = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    FloatVector max1 = max0;
    FloatVector max2 = max0;
    FloatVector max3 = max0;
    int i = 0;
    // Four maxima hide the latency of comparison and blend.
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      max0 = larger(max0, load(from, start + i));
      max1 = larger(max1, load(from, start + (i + LANES)));
      max2 = larger(max2, load(from, start + (i + 2 * LANES)));
      max3 = larger(max3, load(from, start + (i + 3 * LANES)));
    }
    for (; i <= n - LANES; i += LANES) {
      max0 = larger(max0, load(from, start + i));
    }
    float max = larger(larger(max0, max1), larger(max2, max3)).reduceLanes(VectorOperators.MAX);
    return Math.max(max, ScalarLoss.maxSpan(x, start + i, n - i));
  }

  /** Keeps the maximum where x is not a number, for which {@code max} would give NaN. */
  private static FloatVector larger(FloatVector max, FloatVector x) {
    return max.blend(x, x.compare(VectorOperators.GT, max));
  }

  @Override
  float exponentials(MemorySegment x, long xStart, int n, float max, MemorySegment y, long yStart) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    FloatVector even = FloatVector.zero(SPECIES);
    FloatVector odd = even;
    int bound = SPECIES.loopBound(n);
    // Two sums hide the latency of the addition; they change places each round.
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = VectorMath.exp(load(from, xStart + i).sub(max));
      store(value, to, yStart + i);
      FloatVector sum = even.add(value);
      even = odd;
      odd = sum;
    }
    float sum = VectorMath.sum(even.add(odd));
    return sum + ScalarLoss.exponentialsSpan(x, xStart + bound, n - bound, max, y, yStart + bound);
  }
}
