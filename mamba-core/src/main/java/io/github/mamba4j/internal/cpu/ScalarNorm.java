package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;
import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Normalisation in plain loops; each takes the element to begin at, for the vectors' tails. */
final class ScalarNorm extends CpuNorm {
  ScalarNorm(WorkerPool pool) {
    super(pool, new ScalarRows());
  }

  @Override
  void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale) {
    normalize(norm, row, s, sStart, scale, 0);
  }

  static void normalize(
      Forward norm, long row, MemorySegment s, long sStart, float scale, int from) {
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment out = CpuStorage.of(norm.out());
    long outStart = row(norm.out(), row);
    for (int i = from; i < norm.width(); i++) {
      float unit = get(s, sStart + i) * scale;
      set(out, outStart + i, unit * get(weight, norm.weight().offset() + i));
    }
  }

  @Override
  float dot(Backward norm, long row) {
    return (float) dot(norm, row, 0);
  }

  static double dot(Backward norm, long row, int from) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment s = CpuStorage.of(norm.sum());
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    double dot = 0;
    for (int i = from; i < norm.width(); i++) {
      float weighted = get(grad, gradStart + i) * get(weight, norm.weight().offset() + i);
      dot += (double) weighted * get(s, sStart + i);
    }
    return dot;
  }

  @Override
  void inputGradient(
      Backward norm, long row, float scale, float correction, View out, @Nullable View addend) {
    inputGradient(norm, row, scale, correction, out, addend, 0);
  }

  static void inputGradient(
      Backward norm,
      long row,
      float scale,
      float correction,
      View out,
      @Nullable View addend,
      int from) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment s = CpuStorage.of(norm.sum());
    MemorySegment target = CpuStorage.of(out);
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    long outStart = row(out, row);
    for (int i = from; i < norm.width(); i++) {
      float weighted = get(grad, gradStart + i) * get(weight, norm.weight().offset() + i);
      float value = Math.fma(weighted, scale, -correction * get(s, sStart + i));
      float added = addend == null ? 0 : get(CpuStorage.of(addend), row(addend, row) + i);
      set(target, outStart + i, value + added);
    }
  }

  @Override
  void weightGradient(Backward norm, long row, float scale, MemorySegment sums, long start) {
    weightGradient(norm, row, scale, sums, start, 0);
  }

  static void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start, int from) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment s = CpuStorage.of(norm.sum());
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    for (int i = from; i < norm.width(); i++) {
      float unit = get(s, sStart + i) * scale;
      set(sums, start + i, Math.fma(get(grad, gradStart + i), unit, get(sums, start + i)));
    }
  }
}
