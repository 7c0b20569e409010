package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.NormKernels.GatedBackward;
import io.github.mamba4j.spi.NormKernels.GatedForward;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import io.github.mamba4j.spi.Sink;
import java.lang.foreign.MemorySegment;

/**
 * Normalisation of groups of columns with a gate. A task is a block of rows, as in {@link CpuNorm};
 * a group of one row goes through several short loops, its parts in the worker's memory, which stay
 * in the first-level cache.
 *
 * <p>With s = silu(z), v what is normalised (x∘s or x), g the gradient of the normalised result
 * (outGrad or outGrad∘s) and r the reciprocal root of the group of n columns:
 *
 * <pre>{@code
 * weightGrad = Σ_rows g∘v·r        vGrad = r·(g∘weight) − v·(r³/n)·Σ g∘weight∘v
 * gate first:  xGrad = vGrad∘s,    zGrad = vGrad∘x∘silu'(z)
 * norm first:  xGrad = vGrad,      zGrad = outGrad∘x∘weight·r∘silu'(z)
 * }</pre>
 */
final class GatedNorm {
  private final WorkerPool pool;
  private final Rows loops;
  private final WorkerPool.Body<GatedForward> forwardBlock = this::forwardBlock;
  private final WorkerPool.Body<GatedBackward> backwardBlock = this::backwardBlock;
  private final WorkerPool.Body<GatedBackward> foldColumns = this::foldColumns;

  GatedNorm(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
  }

  void forward(GatedForward norm) {
    pool.forEach(Tiles.tasks(norm.shape().rows(), CpuNorm.BLOCK_ROWS), norm, forwardBlock);
  }

  private void forwardBlock(GatedForward norm, int block, Scratch scratch) {
    GatedShape shape = norm.shape();
    long end = Math.min(shape.rows(), (block + 1L) * CpuNorm.BLOCK_ROWS);
    MemorySegment gate = scratch.floats(shape.width() / shape.groups());
    for (long r = (long) block * CpuNorm.BLOCK_ROWS; r < end; r++) {
      for (int group = 0; group < shape.groups(); group++) {
        if (shape.gateFirst()) {
          gateThenNormalize(norm, r, group, gate);
        } else {
          normalizeThenGate(norm, r, group, gate);
        }
      }
    }
  }

  private void gateThenNormalize(GatedForward norm, long row, int group, MemorySegment gate) {
    int n = norm.shape().width() / norm.shape().groups();
    long from = (long) group * n;
    MemorySegment out = CpuStorage.of(norm.out());
    long at = row(norm.out(), row) + from;
    loops.silu(CpuStorage.of(norm.z()), row(norm.z(), row) + from, gate, 0, n);
    MemorySegment x = CpuStorage.of(norm.x());
    loops.product(x, row(norm.x(), row) + from, gate, 0, out, at, n, false);
    float scale = scale(norm, row, group, loops.squares(out, at, n));
    loops.scale(scale, out, at, out, at, n, false);
    MemorySegment weight = CpuStorage.of(norm.weight());
    loops.product(out, at, weight, norm.weight().offset() + from, out, at, n, false);
  }

  private void normalizeThenGate(GatedForward norm, long row, int group, MemorySegment gate) {
    int n = norm.shape().width() / norm.shape().groups();
    long from = (long) group * n;
    MemorySegment out = CpuStorage.of(norm.out());
    long at = row(norm.out(), row) + from;
    MemorySegment x = CpuStorage.of(norm.x());
    long xAt = row(norm.x(), row) + from;
    float scale = scale(norm, row, group, loops.squares(x, xAt, n));
    loops.silu(CpuStorage.of(norm.z()), row(norm.z(), row) + from, gate, 0, n);
    MemorySegment weight = CpuStorage.of(norm.weight());
    loops.product(gate, 0, weight, norm.weight().offset() + from, gate, 0, n, false);
    loops.scale(scale, x, xAt, out, at, n, false);
    loops.product(out, at, gate, 0, out, at, n, false);
  }

  /** Returns the reciprocal root of a group, and leaves it where it is wanted. */
  private static float scale(GatedForward norm, long row, int group, float squares) {
    GatedShape shape = norm.shape();
    int n = shape.width() / shape.groups();
    double mean = squares / (double) n;
    float scale = (float) (1 / Math.sqrt(mean + shape.eps()));
    if (norm.scale() != null) {
      long at = norm.scale().offset() + row * shape.groups() + group;
      CpuStorage.set(CpuStorage.of(norm.scale()), at, scale);
    }
    return scale;
  }

  void backward(GatedBackward norm) {
    GatedShape shape = norm.shape();
    int blocks = Tiles.tasks(shape.rows(), CpuNorm.BLOCK_ROWS);
    pool.forEach(blocks, norm, backwardBlock);
    if (norm.weightGrad() != null) {
      pool.forEach(Tiles.tasks(shape.width(), Rows.foldColumns(blocks)), norm, foldColumns);
    }
  }

  private void foldColumns(GatedBackward norm, int stretch, Scratch scratch) {
    Sink sink = norm.weightGrad();
    if (sink != null) {
      GatedShape shape = norm.shape();
      CpuNorm.foldColumns(loops, norm.workspace(), shape.rows(), shape.width(), sink, stretch);
    }
  }

  private void backwardBlock(GatedBackward norm, int block, Scratch scratch) {
    GatedShape shape = norm.shape();
    int n = shape.width() / shape.groups();
    MemorySegment parts = scratch.floats(4L * n);
    MemorySegment partials = CpuStorage.of(norm.workspace());
    long partial = norm.workspace().offset() + (long) block * shape.width();
    long end = Math.min(shape.rows(), (block + 1L) * CpuNorm.BLOCK_ROWS);
    loops.fill(0, partials, partial, shape.width());
    for (long r = (long) block * CpuNorm.BLOCK_ROWS; r < end; r++) {
      for (int group = 0; group < shape.groups(); group++) {
        long from = (long) group * n;
        MemorySegment z = CpuStorage.of(norm.z());
        loops.silu(z, row(norm.z(), r) + from, parts, 0, n);
        normGrad(norm, r, group, parts, partials, partial + from);
        zGrad(norm, r, group, parts);
        xGrad(norm, r, group, parts);
      }
    }
  }

  private static float scale(GatedBackward norm, long row, int group) {
    long at = norm.scale().offset() + row * norm.shape().groups() + group;
    return CpuStorage.get(CpuStorage.of(norm.scale()), at);
  }

  /**
   * From s in the first part: v and its gradient in the second and third; the weight's gradient is
   * added to the sums.
   */
  private void normGrad(
      GatedBackward norm, long row, int group, MemorySegment parts, MemorySegment sums, long sum) {
    int n = norm.shape().width() / norm.shape().groups();
    long from = (long) group * n;
    long v = n;
    long vGrad = 2L * n;
    long product = 3L * n;
    float scale = scale(norm, row, group);
    MemorySegment x = CpuStorage.of(norm.x());
    long xAt = row(norm.x(), row) + from;
    MemorySegment grad = CpuStorage.of(norm.outGrad());
    long gradAt = row(norm.outGrad(), row) + from;
    if (norm.shape().gateFirst()) {
      loops.product(x, xAt, parts, 0, parts, v, n, false);
      loops.scale(1, grad, gradAt, parts, vGrad, n, false);
    } else {
      loops.scale(1, x, xAt, parts, v, n, false);
      loops.product(grad, gradAt, parts, 0, parts, vGrad, n, false);
    }
    if (norm.weightGrad() != null) {
      loops.product(parts, vGrad, parts, v, parts, product, n, false);
      loops.scale(scale, parts, product, sums, sum, n, true);
    }
    MemorySegment weight = CpuStorage.of(norm.weight());
    long weightAt = norm.weight().offset() + from;
    loops.product(parts, vGrad, weight, weightAt, parts, vGrad, n, false);
    double dot = loops.dot(parts, vGrad, parts, v, n);
    float correction = (float) (dot * scale * scale * scale / n);
    loops.scale(scale, parts, vGrad, parts, vGrad, n, false);
    loops.sum(parts, vGrad, -correction, parts, v, parts, vGrad, n);
  }

  private void zGrad(GatedBackward norm, long row, int group, MemorySegment parts) {
    Sink sink = norm.zGrad();
    if (sink == null) {
      return;
    }
    int n = norm.shape().width() / norm.shape().groups();
    long from = (long) group * n;
    long slope = 3L * n;
    loops.siluSlope(CpuStorage.of(norm.z()), row(norm.z(), row) + from, parts, slope, n);
    MemorySegment x = CpuStorage.of(norm.x());
    loops.product(x, row(norm.x(), row) + from, parts, slope, parts, slope, n, false);
    MemorySegment to = CpuStorage.of(sink.view());
    long toAt = row(sink.view(), row) + from;
    if (norm.shape().gateFirst()) {
      loops.product(parts, 2L * n, parts, slope, to, toAt, n, sink.add());
    } else {
      MemorySegment weight = CpuStorage.of(norm.weight());
      loops.product(weight, norm.weight().offset() + from, parts, slope, parts, slope, n, false);
      loops.scale(scale(norm, row, group), parts, slope, parts, slope, n, false);
      MemorySegment grad = CpuStorage.of(norm.outGrad());
      loops.product(grad, row(norm.outGrad(), row) + from, parts, slope, to, toAt, n, sink.add());
    }
  }

  private void xGrad(GatedBackward norm, long row, int group, MemorySegment parts) {
    Sink sink = norm.xGrad();
    if (sink == null) {
      return;
    }
    int n = norm.shape().width() / norm.shape().groups();
    MemorySegment to = CpuStorage.of(sink.view());
    long toAt = row(sink.view(), row) + (long) group * n;
    if (norm.shape().gateFirst()) {
      loops.product(parts, 2L * n, parts, 0, to, toAt, n, sink.add());
    } else {
      loops.scale(1, parts, 2L * n, to, toAt, n, sink.add());
    }
  }
}
