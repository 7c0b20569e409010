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

/**
 * Functions of elements on vectors; the last elements go through {@link ScalarElementwise}.
 *
 * <p>Each function has a loop of its own: a choice inside one loop makes the compiler keep vectors
 * in heap objects (four times slower, and garbage), whatever the function.
 */
final class VectorElementwise extends CpuElementwise {
  private static final EmptyCalls EMPTY = new EmptyCalls();

  VectorElementwise(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  /** Squares where there are any; what is left of rows and columns in plain loops. */
  @Override
  void transpose(Transpose transpose, int first, int rows, Scratch scratch) {
    View x = transpose.x();
    View y = transpose.out().view();
    int cols = transpose.cols();
    int wholeRows = first + SPECIES.loopBound(rows);
    int wholeCols = SPECIES.loopBound(cols);
    MemorySegment source = CpuStorage.of(x);
    MemorySegment target = CpuStorage.of(y);
    MemorySegment room = scratch.floats(VectorTranspose.scratchFloats());
    for (int i = first; i < wholeRows; i += LANES) {
      for (int j = 0; j < wholeCols; j += LANES) {
        long from = (row(x, i) + j) << 2;
        long to = (row(y, j) + i) << 2;
        VectorTranspose.square(source, from, x.stride() << 2, target, to, y.stride() << 2, room, 0);
      }
    }
    exchange(x, y, wholeRows, first + rows, 0, cols, false);
    exchange(x, y, first, wholeRows, wholeCols, cols, false);
  }

  @Override
  void apply(Function function, MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    int bound = SPECIES.loopBound(n);
    switch (function) {
      case EXP -> exp(x, xStart, y, yStart, bound);
      case NEGATE -> negate(x, xStart, y, yStart, bound);
      case SIGMOID -> sigmoid(x, xStart, y, yStart, bound);
      case SILU -> {
        for (int i = EMPTY.before(bound / LANES); i > 0; i--) {
          silu(x, xStart, y, yStart, 0);
        }
        silu(x, xStart, y, yStart, bound);
      }
      case SOFTPLUS -> softplus(x, xStart, y, yStart, bound);
      case TANH -> tanh(x, xStart, y, yStart, bound);
      case MINUS_ONE -> bound = 0;
      case SIGMOID_SLOPE -> sigmoidSlope(x, xStart, y, yStart, bound);
      case SILU_SLOPE -> siluSlope(x, xStart, y, yStart, bound);
      case TANH_SLOPE -> tanhSlope(x, xStart, y, yStart, bound);
    }
    ScalarElementwise.span(function, x, xStart + bound, y, yStart + bound, n - bound);
  }

  private static void exp(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.exp(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void sigmoid(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.sigmoid(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  static void silu(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.silu(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void softplus(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.softplus(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void tanh(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.tanh(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void sigmoidSlope(
      MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      sigmoidSlope(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  static void siluSlope(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      siluSlope(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void tanhSlope(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      tanhSlope(fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER))
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static void negate(MemorySegment x, long xStart, MemorySegment y, long yStart, int n) {
    MemorySegment from = offHeap(x);
    MemorySegment to = offHeap(y);
    for (int i = 0; i < n; i += LANES) {
      fromMemorySegment(SPECIES, from, (xStart + i) << 2, ORDER)
          .neg()
          .intoMemorySegment(to, (yStart + i) << 2, ORDER);
    }
  }

  private static FloatVector sigmoidSlope(FloatVector x) {
    FloatVector y = VectorMath.sigmoid(x);
    return y.mul(y.neg().add(1));
  }

  /** Returns {@code σ(x)·(1 + x·(1 − σ(x)))}. */
  private static FloatVector siluSlope(FloatVector x) {
    FloatVector y = VectorMath.sigmoid(x);
    return y.mul(x.fma(y.neg().add(1), FloatVector.broadcast(SPECIES, 1)));
  }

  private static FloatVector tanhSlope(FloatVector x) {
    FloatVector y = VectorMath.tanh(x);
    return y.neg().fma(y, FloatVector.broadcast(SPECIES, 1));
  }
}
