package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;
import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/** Normalisation in plain loops; each takes the element to begin at, for the vectors' tails. */
final class ScalarNorm extends CpuNorm {
  ScalarNorm(WorkerPool pool) {
    super(pool, new ScalarRows());
  }

  @Override
  float addSquares(Forward norm, long row, MemorySegment s, long sStart) {
    return (float) addSquares(norm, row, s, sStart, 0);
  }

  static double addSquares(Forward norm, long row, MemorySegment s, long sStart, int from) {
    MemorySegment x = CpuStorage.of(norm.x());
    long xStart = row(norm.x(), row);
    View residual = norm.residual();
    View sum = norm.sum();
    double squares = 0;
    for (int i = from; i < norm.width(); i++) {
      float value = get(x, xStart + i);
      if (residual != null) {
        value += get(CpuStorage.of(residual), row(residual, row) + i);
      }
      if (residual != null || sum != null) {
        set(s, sStart + i, value);
      }
      squares += (double) value * value;
    }
    return squares;
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
  void inputGradient(Backward norm, long row, Sink sink, float scale, float correction) {
    inputGradient(norm, row, sink, scale, correction, 0);
  }

  static void inputGradient(
      Backward norm, long row, Sink sink, float scale, float correction, int from) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment weight = CpuStorage.of(norm.weight());
    MemorySegment s = CpuStorage.of(norm.sum());
    MemorySegment target = CpuStorage.of(sink.view());
    View sumGrad = norm.sumGrad();
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    long targetStart = row(sink.view(), row);
    for (int i = from; i < norm.width(); i++) {
      float weighted = get(grad, gradStart + i) * get(weight, norm.weight().offset() + i);
      float value = Math.fma(weighted, scale, -correction * get(s, sStart + i));
      if (sumGrad != null) {
        value += get(CpuStorage.of(sumGrad), row(sumGrad, row) + i);
      }
      if (sink.add()) {
        value += get(target, targetStart + i);
      }
      set(target, targetStart + i, value);
    }
  }

  @Override
  void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start, boolean add) {
    weightGradient(norm, row, scale, sums, start, add, 0);
  }

  static void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start, boolean add, int from) {
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    MemorySegment s = CpuStorage.of(norm.sum());
    long gradStart = row(norm.outGrad(), row);
    long sStart = row(norm.sum(), row);
    for (int i = from; i < norm.width(); i++) {
      float unit = get(s, sStart + i) * scale;
      float before = add ? get(sums, start + i) : 0;
      set(sums, start + i, Math.fma(get(grad, gradStart + i), unit, before));
    }
  }
}
