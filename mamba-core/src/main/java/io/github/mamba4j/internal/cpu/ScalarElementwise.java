package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/** Functions of elements in plain loops. */
final class ScalarElementwise extends CpuElementwise {
  ScalarElementwise(WorkerPool pool) {
    this(pool, new ScalarRows());
  }

  ScalarElementwise(WorkerPool pool, Rows loops) {
    super(pool, loops);
  }

  @Override
  void apply(Function function, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    span(function, x, xStart, y, yStart, n);
  }

  @Override
  void transpose(Transpose transpose, int first, int rows, Scratch scratch) {
    View out = transpose.out().view();
    exchange(transpose.x(), out, first, first + rows, 0, transpose.cols(), false);
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
