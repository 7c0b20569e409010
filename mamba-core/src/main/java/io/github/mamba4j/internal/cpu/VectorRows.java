package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The same loops on vectors. */
final class VectorRows extends Rows {
  @Override
  void scale(
      float factor, MemorySegment x, long xStart, MemorySegment y, long yStart, int n, boolean add) {
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    int bound = SPECIES.loopBound(n);
    if (add) {
      for (int i = 0; i < bound; i += LANES) {
        store(load(x, xStart + i).fma(factors, load(y, yStart + i)), y, yStart + i);
      }
    } else {
      for (int i = 0; i < bound; i += LANES) {
        store(load(x, xStart + i).mul(factors), y, yStart + i);
      }
    }
    ScalarRows.scaleSpan(factor, x, xStart + bound, y, yStart + bound, n - bound, add);
  }

  @Override
  void fill(float value, MemorySegment y, long yStart, int n) {
    FloatVector values = FloatVector.broadcast(SPECIES, value);
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      store(values, y, yStart + i);
    }
    ScalarRows.fillSpan(value, y, yStart + bound, n - bound);
  }

  @Override
  float sum(MemorySegment x, long xStart, int n) {
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    // Four sums hide the latency of the addition.
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      sum0 = sum0.add(load(x, xStart + i));
      sum1 = sum1.add(load(x, xStart + i + LANES));
      sum2 = sum2.add(load(x, xStart + i + 2 * LANES));
      sum3 = sum3.add(load(x, xStart + i + 3 * LANES));
    }
    for (; i <= n - LANES; i += LANES) {
      sum0 = sum0.add(load(x, xStart + i));
    }
    float sum = VectorMath.sum(sum0.add(sum1).add(sum2.add(sum3)));
    return sum + ScalarRows.sumSpan(x, xStart + i, n - i);
  }
}
