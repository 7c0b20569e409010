package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Normalisation on vectors; the last elements of a row go through {@link ScalarNorm}. */
final class VectorNorm extends CpuNorm {
  /* Why this is no constant is said in VectorOptimizer. */
  private final int hop = LANES;

  VectorNorm(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  @Override
  void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale) {
    MemorySegment weight = offHeap(CpuStorage.of(norm.weight()));
    long weightStart = norm.weight().offset();
    MemorySegment sum = offHeap(s);
    MemorySegment out = offHeap(CpuStorage.of(norm.out()));
    long outStart = row(norm.out(), row);
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector unit = load(sum, sStart + i).mul(scale);
      store(unit.mul(load(weight, weightStart + i)), out, outStart + i);
    }
    ScalarNorm.normalize(norm, row, s, sStart, scale, bound);
  }

  @Override
  float dot(Backward norm, long row) {
    MemorySegment grad = offHeap(CpuStorage.of(norm.outGrad()));
    MemorySegment weight = offHeap(CpuStorage.of(norm.weight()));
    MemorySegment s = offHeap(CpuStorage.of(norm.sum()));
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
  void inputGradient(
      Backward norm, long row, float scale, float correction, View out, @Nullable View addend) {
    int bound = SPECIES.loopBound(norm.width());
    if (addend == null) {
      plainGradient(norm, row, scale, correction, out, bound);
    } else {
      addedGradient(norm, row, scale, correction, out, addend, bound);
    }
    ScalarNorm.inputGradient(norm, row, scale, correction, out, addend, bound);
  }

  private void plainGradient(
      Backward norm, long row, float scale, float correction, View out, int n) {
    MemorySegment grad = offHeap(CpuStorage.of(norm.outGrad()));
    MemorySegment weight = offHeap(CpuStorage.of(norm.weight()));
    MemorySegment s = offHeap(CpuStorage.of(norm.sum()));
    MemorySegment target = offHeap(CpuStorage.of(out));
    long gradStart = row(norm.outGrad(), row);
    long weightStart = norm.weight().offset();
    long sStart = row(norm.sum(), row);
    long outStart = row(out, row);
    FloatVector scales = FloatVector.broadcast(SPECIES, scale);
    for (int i = 0; i < n; i += hop) {
      FloatVector weighted = load(grad, gradStart + i).mul(load(weight, weightStart + i));
      FloatVector corrected = load(s, sStart + i).mul(-correction);
      store(weighted.fma(scales, corrected), target, outStart + i);
    }
  }

  private void addedGradient(
      Backward norm, long row, float scale, float correction, View out, View addend, int n) {
    MemorySegment grad = offHeap(CpuStorage.of(norm.outGrad()));
    MemorySegment weight = offHeap(CpuStorage.of(norm.weight()));
    MemorySegment s = offHeap(CpuStorage.of(norm.sum()));
    MemorySegment added = offHeap(CpuStorage.of(addend));
    MemorySegment target = offHeap(CpuStorage.of(out));
    long gradStart = row(norm.outGrad(), row);
    long weightStart = norm.weight().offset();
    long sStart = row(norm.sum(), row);
    long addedStart = row(addend, row);
    long outStart = row(out, row);
    FloatVector scales = FloatVector.broadcast(SPECIES, scale);
    for (int i = 0; i < n; i += hop) {
      FloatVector weighted = load(grad, gradStart + i).mul(load(weight, weightStart + i));
      FloatVector corrected = load(s, sStart + i).mul(-correction);
      FloatVector value = weighted.fma(scales, corrected).add(load(added, addedStart + i));
      store(value, target, outStart + i);
    }
  }

  @Override
  void weightGradient(Backward norm, long row, float scale, MemorySegment sums, long start) {
    MemorySegment grad = offHeap(CpuStorage.of(norm.outGrad()));
    MemorySegment s = offHeap(CpuStorage.of(norm.sum()));
    MemorySegment target = offHeap(sums);
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    int bound = SPECIES.loopBound(norm.width());
    for (int i = 0; i < bound; i += LANES) {
      FloatVector unit = load(s, sStart + i).mul(scale);
      FloatVector sum = load(grad, gradStart + i).fma(unit, load(target, start + i));
      store(sum, target, start + i);
    }
    ScalarNorm.weightGradient(norm, row, scale, sums, start, bound);
  }
}
