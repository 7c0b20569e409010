package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** Functions of elements in plain loops. */
final class ScalarElementwise extends CpuElementwise {
  ScalarElementwise(WorkerPool pool) {
    super(pool, new ScalarRows());
  }

  @Override
  void apply(Function function, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    span(function, x, xStart, y, yStart, n);
  }

  @Override
  void transpose(
      MemorySegment x,
      long xStart,
      long xStride,
      int rows,
      int cols,
      MemorySegment y,
      long yStart,
      long yStride,
      Scratch scratch) {
    exchange(x, xStart, xStride, rows, cols, y, yStart, yStride);
  }

  /** {@link #transpose} in plain loops. */
  static void exchange(
      MemorySegment x,
      long xStart,
      long xStride,
      int rows,
      int cols,
      MemorySegment y,
      long yStart,
      long yStride) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        set(y, yStart + j * yStride + i, get(x, xStart + i * xStride + j));
      }
    }
  }

  static void span(
      Function function, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    for (int i = 0; i < n; i++) {
      set(y, yStart + i, value(function, get(x, xStart + i)));
    }
  }

  private static float value(Function function, float x) {
    return switch (function) {
      case EXP -> ScalarMath.exp(x);
      case NEGATE -> -x;
      case SIGMOID -> ScalarMath.sigmoid(x);
      case SILU -> ScalarMath.silu(x);
      case SOFTPLUS -> ScalarMath.softplus(x);
      case TANH -> ScalarMath.tanh(x);
      case MINUS_ONE -> -1;
      case SIGMOID_SLOPE -> {
        float y = ScalarMath.sigmoid(x);
        yield y * (1 - y);
      }
      case SILU_SLOPE -> siluSlope(x);
      case TANH_SLOPE -> {
        float y = ScalarMath.tanh(x);
        yield Math.fma(-y, y, 1);
      }
    };
  }

  /** Returns {@code σ(x)·(1 + x·(1 − σ(x)))}. */
  static float siluSlope(float x) {
    float y = ScalarMath.sigmoid(x);
    return y * Math.fma(x, 1 - y, 1);
  }
}
