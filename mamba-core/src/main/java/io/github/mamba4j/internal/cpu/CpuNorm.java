package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation of rows. A task is a block of rows; the weight's gradient is summed block by block
 * into the workspace, one row of partial sums a block, then over the blocks in pairs.
 */
abstract class CpuNorm implements NormKernels {
  /** Rows a block: enough work for a task, few enough that their sums in floats stay accurate. */
  static final int BLOCK_ROWS = 32;

  private final WorkerPool pool;
  private final Rows loops;
  private final GatedNorm gated;
  private final WorkerPool.Body<Forward> forwardBlock = this::forwardBlock;
  private final WorkerPool.Body<Backward> backwardBlock = this::backwardBlock;
  private final WorkerPool.Body<Backward> foldColumns = this::foldColumns;

  CpuNorm(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
    gated = new GatedNorm(pool, loops);
  }

  /** Writes {@code out = s · scale · weight} of a row; s may be the memory of the result. */
  abstract void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale);

  /** Returns {@code Σ outGrad · weight · s} over a row. */
  abstract float dot(Backward norm, long row);

  /**
   * Writes {@code xGrad = outGrad·weight·scale − s·correction + addend} of a row.
   *
   * @param norm the arguments
   * @param row which row
   * @param scale the row's reciprocal root
   * @param correction what multiplies s
   * @param out where to
   * @param addend what is added, perhaps the same memory, or null for nothing
   */
  abstract void inputGradient(
      Backward norm, long row, float scale, float correction, View out, @Nullable View addend);

  /** Adds {@code outGrad · s · scale} of a row to sums, of which the first element is given. */
  abstract void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start);

  @Override
  public final long backwardWorkspaceFloats(int rows, int width) {
    return (long) Tiles.tasks(rows, BLOCK_ROWS) * width;
  }

  @Override
  public final void forward(Forward norm) {
    pool.forEach(Tiles.tasks(norm.rows(), BLOCK_ROWS), norm, forwardBlock);
  }

  private void forwardBlock(Forward norm, int block, Scratch scratch) {
    long end = Math.min(norm.rows(), (block + 1L) * BLOCK_ROWS);
    for (long r = (long) block * BLOCK_ROWS; r < end; r++) {
      // Without a place of its own s is x itself, or is kept in the result for the second pass.
      View place = norm.sum();
      if (place == null) {
        place = norm.residual() == null ? norm.x() : norm.out();
      }
      MemorySegment s = CpuStorage.of(place);
      long start = row(place, r);
      sum(norm, r, s, start);
      double mean = loops.squares(s, start, norm.width()) / (double) norm.width();
      float scale = (float) (1 / Math.sqrt(mean + norm.eps()));
      normalize(norm, r, s, start, scale);
      View scales = norm.scale();
      if (scales != null) {
        CpuStorage.set(CpuStorage.of(scales), scales.offset() + r, scale);
      }
    }
  }

  /** Writes {@code s = x + residual} of a row, unless s is x itself. */
  private void sum(Forward norm, long row, MemorySegment s, long start) {
    MemorySegment x = CpuStorage.of(norm.x());
    long xStart = row(norm.x(), row);
    View residual = norm.residual();
    if (residual != null) {
      MemorySegment added = CpuStorage.of(residual);
      loops.sum(x, xStart, 1, added, row(residual, row), s, start, norm.width());
    } else if (norm.sum() != null) {
      loops.scale(1, x, xStart, s, start, norm.width(), false);
    }
  }

  @Override
  public final void backward(Backward norm) {
    int blocks = Tiles.tasks(norm.rows(), BLOCK_ROWS);
    pool.forEach(blocks, norm, backwardBlock);
    if (norm.weightGrad() != null) {
      pool.forEach(Tiles.tasks(norm.width(), Rows.foldColumns(blocks)), norm, foldColumns);
    }
  }

  private void backwardBlock(Backward norm, int block, Scratch scratch) {
    MemorySegment partials = CpuStorage.of(norm.workspace());
    long partial = norm.workspace().offset() + (long) block * norm.width();
    MemorySegment scales = CpuStorage.of(norm.scale());
    long first = (long) block * BLOCK_ROWS;
    long end = Math.min(norm.rows(), first + BLOCK_ROWS);
    if (norm.weightGrad() != null) {
      loops.fill(0, partials, partial, norm.width());
    }
    for (long r = first; r < end; r++) {
      float scale = CpuStorage.get(scales, norm.scale().offset() + r);
      // Before the input's gradient, which may replace nothing that is read here but sumGrad.
      if (norm.weightGrad() != null) {
        weightGradient(norm, r, scale, partials, partial);
      }
      Sink xGrad = norm.xGrad();
      if (xGrad != null) {
        double cube = (double) scale * scale * scale;
        inputGradient(norm, r, scale, (float) (dot(norm, r) * cube / norm.width()), xGrad);
      }
    }
  }

  private void inputGradient(Backward norm, long row, float scale, float correction, Sink sink) {
    View out = sink.view();
    View sumGrad = norm.sumGrad();
    inputGradient(norm, row, scale, correction, out, sink.add() ? out : sumGrad);
    if (sink.add() && sumGrad != null) {
      MemorySegment added = CpuStorage.of(sumGrad);
      MemorySegment target = CpuStorage.of(out);
      loops.scale(1, added, row(sumGrad, row), target, row(out, row), norm.width(), true);
    }
    View copy = norm.rounded();
    if (copy != null) {
      MemorySegment target = CpuStorage.of(copy);
      loops.scale(
          1, CpuStorage.of(out), row(out, row), target, row(copy, row), norm.width(), false);
    }
  }

  private void foldColumns(Backward norm, int block, Scratch scratch) {
    Sink sink = norm.weightGrad();
    if (sink != null) {
      foldColumns(loops, norm.workspace(), norm.rows(), norm.width(), sink, block);
    }
  }

  /** Sums a stretch of the columns of the blocks' partial sums and leaves it in the sink. */
  static void foldColumns(Rows loops, View workspace, int rows, int width, Sink sink, int stretch) {
    int blocks = Tiles.tasks(rows, BLOCK_ROWS);
    int columns = Rows.foldColumns(blocks);
    int from = stretch * columns;
    int n = Math.min(columns, width - from);
    MemorySegment partials = CpuStorage.of(workspace);
    long start = workspace.offset() + from;
    loops.fold(partials, start, width, blocks, n);
    MemorySegment target = CpuStorage.of(sink.view());
    loops.scale(1, partials, start, target, sink.view().offset() + from, n, sink.add());
  }

  @Override
  public final long gatedBackwardWorkspaceFloats(GatedShape shape) {
    return backwardWorkspaceFloats(shape.rows(), shape.width());
  }

  @Override
  public final void gatedForward(GatedForward norm) {
    gated.forward(norm);
  }

  @Override
  public final void gatedBackward(GatedBackward norm) {
    gated.backward(norm);
  }
}
