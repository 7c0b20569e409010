package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

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
      FloatVector unit = fromMemorySegment(SPECIES, sum, (sStart + i) << 2, ORDER).mul(scale);
      unit.mul(fromMemorySegment(SPECIES, weight, (weightStart + i) << 2, ORDER))
          .intoMemorySegment(out, (outStart + i) << 2, ORDER);
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
      FloatVector weighted =
          fromMemorySegment(SPECIES, grad, (gradStart + i) << 2, ORDER)
              .mul(fromMemorySegment(SPECIES, weight, (weightStart + i) << 2, ORDER));
      FloatVector sum = weighted.fma(fromMemorySegment(SPECIES, s, (sStart + i) << 2, ORDER), even);
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
      FloatVector weighted =
          fromMemorySegment(SPECIES, grad, (gradStart + i) << 2, ORDER)
              .mul(fromMemorySegment(SPECIES, weight, (weightStart + i) << 2, ORDER));
      FloatVector corrected =
          fromMemorySegment(SPECIES, s, (sStart + i) << 2, ORDER).mul(-correction);
      weighted.fma(scales, corrected).intoMemorySegment(target, (outStart + i) << 2, ORDER);
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
      FloatVector weighted =
          fromMemorySegment(SPECIES, grad, (gradStart + i) << 2, ORDER)
              .mul(fromMemorySegment(SPECIES, weight, (weightStart + i) << 2, ORDER));
      FloatVector corrected =
          fromMemorySegment(SPECIES, s, (sStart + i) << 2, ORDER).mul(-correction);
      FloatVector value =
          weighted
              .fma(scales, corrected)
              .add(fromMemorySegment(SPECIES, added, (addedStart + i) << 2, ORDER));
      value.intoMemorySegment(target, (outStart + i) << 2, ORDER);
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
      FloatVector unit = fromMemorySegment(SPECIES, s, (sStart + i) << 2, ORDER).mul(scale);
      FloatVector sum =
          fromMemorySegment(SPECIES, grad, (gradStart + i) << 2, ORDER)
              .fma(unit, fromMemorySegment(SPECIES, target, (start + i) << 2, ORDER));
      sum.intoMemorySegment(target, (start + i) << 2, ORDER);
    }
    ScalarNorm.weightGradient(norm, row, scale, sums, start, bound);
  }
}
