package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Functions of elements on vectors; the last elements go through {@link ScalarElementwise}. */
final class VectorElementwise extends CpuElementwise {
  VectorElementwise(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  @Override
  void mapSpan(Map map, long x, long out, int n) {
    MemorySegment source = CpuStorage.of(map.x());
    MemorySegment target = CpuStorage.of(map.out().view());
    Unary function = map.function();
    boolean add = map.out().add();
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      put(apply(function, load(source, x + i)), target, out + i, add);
    }
    ScalarElementwise.span(map, x + bound, out + bound, n - bound);
  }

  @Override
  void mapBackwardSpan(MapBackward map, long x, long outGrad, long xGrad, int n) {
    MemorySegment source = CpuStorage.of(map.x());
    MemorySegment grads = CpuStorage.of(map.outGrad());
    MemorySegment target = CpuStorage.of(map.xGrad().view());
    Unary function = map.function();
    boolean add = map.xGrad().add();
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector slope = slope(function, load(source, x + i));
      put(slope.mul(load(grads, outGrad + i)), target, xGrad + i, add);
    }
    ScalarElementwise.span(map, x + bound, outGrad + bound, xGrad + bound, n - bound);
  }

  @Override
  void combineSpan(Combine combine, long a, long b, long out, int n) {
    MemorySegment left = CpuStorage.of(combine.a());
    MemorySegment right = CpuStorage.of(combine.b());
    MemorySegment target = CpuStorage.of(combine.out().view());
    Binary function = combine.function();
    boolean add = combine.out().add();
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += LANES) {
      put(apply(function, load(left, a + i), load(right, b + i)), target, out + i, add);
    }
    ScalarElementwise.span(combine, a + bound, b + bound, out + bound, n - bound);
  }

  private static void put(FloatVector value, MemorySegment target, long index, boolean add) {
    store(add ? load(target, index).add(value) : value, target, index);
  }

  private static FloatVector apply(Unary function, FloatVector x) {
    return switch (function) {
      case EXP -> VectorMath.exp(x);
      case NEGATE -> x.neg();
      case SIGMOID -> VectorMath.sigmoid(x);
      case SILU -> VectorMath.silu(x);
      case SOFTPLUS -> VectorMath.softplus(x);
      case TANH -> VectorMath.tanh(x);
    };
  }

  private static FloatVector slope(Unary function, FloatVector x) {
    return switch (function) {
      case EXP -> VectorMath.exp(x);
      case NEGATE -> FloatVector.broadcast(SPECIES, -1);
      case SIGMOID -> {
        FloatVector y = VectorMath.sigmoid(x);
        yield y.mul(y.neg().add(1));
      }
      case SILU -> siluSlope(x);
      case SOFTPLUS -> VectorMath.sigmoid(x);
      case TANH -> {
        FloatVector y = VectorMath.tanh(x);
        yield y.neg().fma(y, FloatVector.broadcast(SPECIES, 1));
      }
    };
  }

  /** Returns {@code σ(x)·(1 + x·(1 − σ(x)))}. */
  static FloatVector siluSlope(FloatVector x) {
    FloatVector y = VectorMath.sigmoid(x);
    return y.mul(x.fma(y.neg().add(1), FloatVector.broadcast(SPECIES, 1)));
  }

  private static FloatVector apply(Binary function, FloatVector a, FloatVector b) {
    return switch (function) {
      case ADD -> a.add(b);
      case SUBTRACT -> a.sub(b);
      case MULTIPLY -> a.mul(b);
    };
  }
}
