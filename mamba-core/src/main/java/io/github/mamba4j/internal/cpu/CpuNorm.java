package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * Normalisation of rows. A task is a block of rows; the weight's gradient is summed block by block
 * into the workspace, one row of partial sums a block, then over the blocks in pairs.
 */
abstract class CpuNorm implements NormKernels {
  /** Rows a block: enough work for a task, few enough that their sums in floats stay accurate. */
  private static final int BLOCK_ROWS = 32;

  private final WorkerPool pool;
  private final Rows rows;
  private final WorkerPool.Body<Forward> forwardBlock = this::forwardBlock;
  private final WorkerPool.Body<Backward> backwardBlock = this::backwardBlock;
  private final WorkerPool.Body<Backward> foldColumns = this::foldColumns;

  CpuNorm(WorkerPool pool, Rows rows) {
    this.pool = pool;
    this.rows = rows;
  }

  /**
   * Writes {@code s = x + residual} of a row, if wanted, and returns the sum of its squares.
   *
   * @param norm the arguments
   * @param row which row
   * @param s where s goes, or null if there is neither a residual nor a wish for s
   * @param sStart its first element
   */
  abstract float addSquares(Forward norm, long row, MemorySegment s, long sStart);

  /** Writes {@code out = s · scale · weight} of a row; s may be the memory of the result. */
  abstract void normalize(Forward norm, long row, MemorySegment s, long sStart, float scale);

  /** Returns {@code Σ outGrad · weight · s} over a row. */
  abstract float dot(Backward norm, long row);

  /**
   * Writes {@code xGrad (+)= outGrad·weight·scale − s·correction + sumGrad} of a row.
   *
   * @param norm the arguments
   * @param row which row
   * @param sink where to
   * @param scale the row's reciprocal root
   * @param correction what multiplies s
   */
  abstract void inputGradient(Backward norm, long row, Sink sink, float scale, float correction);

  /**
   * Writes or adds {@code outGrad · s · scale} of a row.
   *
   * @param norm the arguments
   * @param row which row
   * @param scale the row's reciprocal root
   * @param sums where to
   * @param start its first element
   * @param add true to add
   */
  abstract void weightGradient(
      Backward norm, long row, float scale, MemorySegment sums, long start, boolean add);

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
      double mean = addSquares(norm, r, s, start) / (double) norm.width();
      float scale = (float) (1 / Math.sqrt(mean + norm.eps()));
      normalize(norm, r, s, start, scale);
      View scales = norm.scale();
      if (scales != null) {
        CpuStorage.set(CpuStorage.of(scales), scales.offset() + r, scale);
      }
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
    for (long r = first; r < end; r++) {
      float scale = CpuStorage.get(scales, norm.scale().offset() + r);
      // Before the input's gradient, which may replace nothing that is read here but sumGrad.
      if (norm.weightGrad() != null) {
        weightGradient(norm, r, scale, partials, partial, r > first);
      }
      Sink xGrad = norm.xGrad();
      if (xGrad != null) {
        double cube = (double) scale * scale * scale;
        inputGradient(norm, r, xGrad, scale, (float) (dot(norm, r) * cube / norm.width()));
      }
    }
  }

  private void foldColumns(Backward norm, int block, Scratch scratch) {
    Sink sink = norm.weightGrad();
    if (sink == null) {
      return;
    }
    int blocks = Tiles.tasks(norm.rows(), BLOCK_ROWS);
    int columns = Rows.foldColumns(blocks);
    int from = block * columns;
    int n = Math.min(columns, norm.width() - from);
    MemorySegment partials = CpuStorage.of(norm.workspace());
    long start = norm.workspace().offset() + from;
    rows.fold(partials, start, norm.width(), blocks, n);
    MemorySegment target = CpuStorage.of(sink.view());
    rows.scale(1, partials, start, target, sink.view().offset() + from, n, sink.add());
  }
}
