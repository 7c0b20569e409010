package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Normalisation on vectors; the last elements of a row go through {@link ScalarNorm}. */
final class VectorNorm extends CpuNorm {
  VectorNorm(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  @Override
  float addSquares(Forward norm, long row, MemorySegment s, long sStart) {
    MemorySegment x = CpuStorage.of(norm.x());
    long xStart = row(norm.x(), row);
    View residual = norm.residual();
    View addend = residual == null ? norm.x() : residual;
    MemorySegment added = CpuStorage.of(addend);
    long addedStart = row(addend, row);
    boolean store = residual != null || norm.sum() != null;
    FloatVector even = FloatVector.zero(SPECIES);
    FloatVector odd = even;
    int bound = SPECIES.loopBound(norm.width());
    // Two sums hide the latency of the addition; they change places each round.
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = load(x, xStart + i);
      if (residual != null) {
        value = value.add(load(added, addedStart + i));
      }
      if (store) {
        store(value, s, sStart + i);
      }
      FloatVector sum = value.fma(value, even);
      even = odd;
      odd = sum;
    }
    double tail = ScalarNorm.addSquares(norm, row, s, sStart, bound);
    return (float) (VectorMath.sum(even.add(odd)) + tail);
  }

  @Override
  void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale) {
    MemorySegment weight = CpuStorage.of(norm.weight());
    long weightStart = norm.weight().offset();
    MemorySegment out = CpuStorage.of(norm.out());
    long outStart = row(norm.out(), row);
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector unit = load(s, sStart + i).mul(scale);
      store(unit.mul(load(weight, weightStart + i)), out, outStart + i);
    }
    ScalarNorm.normalize(norm, row, s, sStart, scale, bound);
  }

  @Override
  float dot(Backward norm, long row) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment s = CpuStorage.of(norm.sum());
    long gradStart = row(norm.outGrad(), row);
    long weightStart = norm.weight().offset();
    long sStart = row(norm.sum(), row);
    FloatVector even = FloatVector.zero(SPECIES);
    FloatVector odd = even;
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector weighted = load(grad, gradStart + i).mul(load(weight, weightStart + i));
      FloatVector sum = weighted.fma(load(s, sStart + i), even);
      even = odd;
      odd = sum;
    }
    double tail = ScalarNorm.dot(norm, row, bound);
    return (float) (VectorMath.sum(even.add(odd)) + tail);
  }

  @Override
  void inputGradient(Backward norm, long row, Sink sink, float scale, float correction) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment s = CpuStorage.of(norm.sum());
    MemorySegment target = CpuStorage.of(sink.view());
    View sumGrad = norm.sumGrad();
    View addend = sumGrad == null ? norm.sum() : sumGrad;
    MemorySegment added = CpuStorage.of(addend);
    long gradStart = row(norm.outGrad(), row);
    long weightStart = norm.weight().offset();
    long sStart = row(norm.sum(), row);
    long addedStart = row(addend, row);
    long targetStart = row(sink.view(), row);
    boolean add = sink.add();
    FloatVector scales = FloatVector.broadcast(SPECIES, scale);
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector weighted = load(grad, gradStart + i).mul(load(weight, weightStart + i));
      FloatVector value = weighted.fma(scales, load(s, sStart + i).mul(-correction));
      if (sumGrad != null) {
        value = value.add(load(added, addedStart + i));
      }
      if (add) {
        value = value.add(load(target, targetStart + i));
      }
      store(value, target, targetStart + i);
    }
    ScalarNorm.inputGradient(norm, row, sink, scale, correction, bound);
  }

  @Override
  void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start, boolean add) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment s = CpuStorage.of(norm.sum());
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector unit = load(s, sStart + i).mul(scale);
      FloatVector before = add ? load(sums, start + i) : FloatVector.zero(SPECIES);
      store(load(grad, gradStart + i).fma(unit, before), sums, start + i);
    }
    ScalarNorm.weightGradient(norm, row, scale, sums, start, add, bound);
  }
}
