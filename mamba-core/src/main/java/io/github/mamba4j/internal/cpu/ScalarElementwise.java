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
  void mapSpan(Map map, long x, long out, int n) {
    span(map, x, out, n);
  }

  static void span(Map map, long x, long out, int n) {
    MemorySegment source = CpuStorage.of(map.x());
    MemorySegment target = CpuStorage.of(map.out().view());
    for (int i = 0; i < n; i++) {
      put(target, out + i, apply(map.function(), get(source, x + i)), map.out().add());
    }
  }

  @Override
  void mapBackwardSpan(MapBackward map, long x, long outGrad, long xGrad, int n) {
    span(map, x, outGrad, xGrad, n);
  }

  static void span(MapBackward map, long x, long outGrad, long xGrad, int n) {
    MemorySegment source = CpuStorage.of(map.x());
    MemorySegment grads = CpuStorage.of(map.outGrad());
    MemorySegment target = CpuStorage.of(map.xGrad().view());
    for (int i = 0; i < n; i++) {
      float slope = slope(map.function(), get(source, x + i));
      put(target, xGrad + i, slope * get(grads, outGrad + i), map.xGrad().add());
    }
  }

  @Override
  void combineSpan(Combine combine, long a, long b, long out, int n) {
    span(combine, a, b, out, n);
  }

  static void span(Combine combine, long a, long b, long out, int n) {
    MemorySegment left = CpuStorage.of(combine.a());
    MemorySegment right = CpuStorage.of(combine.b());
    MemorySegment target = CpuStorage.of(combine.out().view());
    for (int i = 0; i < n; i++) {
      float value = apply(combine.function(), get(left, a + i), get(right, b + i));
      put(target, out + i, value, combine.out().add());
    }
  }

  private static void put(MemorySegment target, long index, float value, boolean add) {
    set(target, index, add ? get(target, index) + value : value);
  }

  private static float apply(Unary function, float x) {
    return switch (function) {
      case EXP -> ScalarMath.exp(x);
      case NEGATE -> -x;
      case SIGMOID -> ScalarMath.sigmoid(x);
      case SILU -> ScalarMath.silu(x);
      case SOFTPLUS -> ScalarMath.softplus(x);
      case TANH -> ScalarMath.tanh(x);
    };
  }

  private static float slope(Unary function, float x) {
    return switch (function) {
      case EXP -> ScalarMath.exp(x);
      case NEGATE -> -1;
      case SIGMOID -> {
        float y = ScalarMath.sigmoid(x);
        yield y * (1 - y);
      }
      case SILU -> siluSlope(x);
      case SOFTPLUS -> ScalarMath.sigmoid(x);
      case TANH -> {
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

  private static float apply(Binary function, float a, float b) {
    return switch (function) {
      case ADD -> a + b;
      case SUBTRACT -> a - b;
      case MULTIPLY -> a * b;
    };
  }
}
