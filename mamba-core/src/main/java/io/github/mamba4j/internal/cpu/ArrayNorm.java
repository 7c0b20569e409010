package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Normalisation forward with the bits of {@link VectorNorm}, over arrays. */
final class ArrayNorm extends CpuNorm {
  ArrayNorm(WorkerPool pool) {
    super(pool, new ArrayRows());
  }

  @Override
  void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale) {
    int n = norm.width();
    float[] values = ArrayRows.read(0, s, sStart, n);
    MemorySegment weights = CpuStorage.of(norm.weight());
    float[] weight = ArrayRows.read(1, weights, norm.weight().offset(), n);
    for (int i = 0; i < n; i += ArrayRows.PIECE) {
      multiply(values, scale, weight, i, Math.min(n, i + ArrayRows.PIECE));
    }
    ArrayRows.write(values, CpuStorage.of(norm.out()), row(norm.out(), row), n);
  }

  private static void multiply(float[] values, float scale, float[] weight, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] = values[i] * scale * weight[i];
    }
  }

  @Override
  float dot(Backward norm, long row) {
    throw new AssertionError("ArrayNorm: forward only");
  }

  @Override
  void inputGradient(
      Backward norm, long row, float scale, float correction, View out, @Nullable View addend) {
    throw new AssertionError("ArrayNorm: forward only");
  }

  @Override
  void weightGradient(Backward norm, long row, float scale, MemorySegment sums, long start) {
    throw new AssertionError("ArrayNorm: forward only");
  }
}
