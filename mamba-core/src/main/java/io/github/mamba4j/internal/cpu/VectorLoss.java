package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

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
    FloatVector even = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    FloatVector odd = even;
    int bound = SPECIES.loopBound(n);
    // Two maxima hide the latency of comparison and blend; they change places each round. A method
    // for the two lines would be compiled on its own, with vectors as objects, and then be too big
    // to be inlined here.
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = fromMemorySegment(SPECIES, from, (start + i) << 2, ORDER);
      // Keeps the maximum where x is not a number, for which max would give NaN.
      FloatVector max = even.blend(value, value.compare(VectorOperators.GT, even));
      even = odd;
      odd = max;
    }
    float max =
        Math.max(even.reduceLanes(VectorOperators.MAX), odd.reduceLanes(VectorOperators.MAX));
    return Math.max(max, ScalarLoss.maxSpan(x, start + bound, n - bound));
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
      FloatVector value =
          VectorMath.exp(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER).sub(max));
      value.intoMemorySegment(to, (yStart + i) << 2, ORDER);
      FloatVector sum = even.add(value);
      even = odd;
      odd = sum;
    }
    float sum = VectorMath.sum(even.add(odd));
    return sum + ScalarLoss.exponentialsSpan(x, xStart + bound, n - bound, max, y, yStart + bound);
  }
}
