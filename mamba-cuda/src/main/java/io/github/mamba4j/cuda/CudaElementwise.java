package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;

/**
 * Functions of one or two elements and sums along an axis: the launches of {@code elementwise.ptx}.
 *
 * <p>Sums run in a fixed order: down the columns block of rows by block of rows, along the rows
 * segment by segment, first within a block of threads and then over the partial sums.
 */
final class CudaElementwise implements ElementwiseKernels {
  /** Rows whose column sums a thread makes in one go. */
  private static final int BLOCK_ROWS = 64;

  /** Elements of a row that a block of threads sums. */
  private static final int SEGMENT = 1024;

  private static final int SQUARE = 32;
  private static final int SQUARE_THREADS = 8;

  private final Launcher launcher;

  CudaElementwise(Launcher launcher) {
    this.launcher = launcher;
  }

  private static Kernel kernel(String name, Sink out) {
    return kernel(name + (out.add() ? "_1" : "_0"));
  }

  private static Kernel kernel(String name) {
    return new Kernel("elementwise", name);
  }

  @Override
  public void map(Map map) {
    Arguments arguments =
        new Arguments().matrix(map.out()).matrix(map.x()).number(map.rows()).number(map.cols());
    launch(kernel("map_" + map.function(), map.out()), map.rows(), map.cols(), arguments);
  }

  @Override
  public void mapBackward(MapBackward map) {
    Arguments arguments =
        new Arguments()
            .matrix(map.xGrad())
            .matrix(map.x())
            .matrix(map.outGrad())
            .number(map.rows())
            .number(map.cols());
    Kernel kernel = kernel("map_backward_" + map.function(), map.xGrad());
    launch(kernel, map.rows(), map.cols(), arguments);
  }

  @Override
  public void combine(Combine combine) {
    Arguments arguments =
        new Arguments()
            .matrix(combine.out())
            .matrix(combine.a())
            .matrix(combine.b())
            .number(combine.rows())
            .number(combine.cols());
    Kernel kernel = kernel("combine_" + combine.function(), combine.out());
    launch(kernel, combine.rows(), combine.cols(), arguments);
  }

  @Override
  public void scale(Scale scale) {
    Arguments arguments =
        new Arguments()
            .matrix(scale.out())
            .matrix(scale.x())
            .pointer(scale.scale())
            .number(scale.factor())
            .number(scale.rows())
            .number(scale.cols());
    String name = "scale_" + Vectors.type(scale.x()) + "_" + Vectors.type(scale.out().view());
    launch(kernel(name, scale.out()), scale.rows(), scale.cols(), arguments);
  }

  @Override
  public void transpose(Transpose transpose) {
    Arguments arguments =
        new Arguments()
            .matrix(transpose.out())
            .matrix(transpose.x())
            .number(transpose.rows())
            .number(transpose.cols());
    exchange(kernel("transpose", transpose.out()), transpose.rows(), transpose.cols(), arguments);
  }

  @Override
  public void decay(Decay decay) {
    Arguments arguments =
        new Arguments()
            .matrix(decay.out())
            .matrix(decay.x())
            .number(decay.rows())
            .number(decay.cols());
    exchange(kernel("decay", decay.out()), decay.rows(), decay.cols(), arguments);
  }

  @Override
  public void decayBackward(DecayBackward decay) {
    // The kernel's rows are those of what it reads.
    Arguments arguments =
        new Arguments()
            .matrix(decay.xGrad())
            .matrix(decay.out())
            .matrix(decay.outGrad())
            .number(decay.cols())
            .number(decay.rows());
    Kernel kernel = kernel("decay_backward", decay.xGrad());
    exchange(kernel, decay.cols(), decay.rows(), arguments);
  }

  private void exchange(Kernel kernel, int rows, int cols, Arguments arguments) {
    launcher.launch(kernel, Grid.squares(rows, cols, SQUARE, SQUARE_THREADS), arguments);
  }

  @Override
  public void fill(View out, int rows, int cols, float value) {
    Arguments arguments = new Arguments().matrix(out).number(value).number(rows).number(cols);
    launch(kernel("fill_" + Vectors.type(out)), rows, cols, arguments);
  }

  private void launch(Kernel kernel, int rows, int cols, Arguments arguments) {
    launcher.launch(kernel, Grid.over(rows, cols), arguments);
  }

  @Override
  public long sumWorkspaceFloats(Axis axis, int rows, int cols) {
    return switch (axis) {
      case ROWS -> (long) Math.ceilDiv(rows, BLOCK_ROWS) * cols;
      case COLUMNS -> (long) Math.ceilDiv(cols, SEGMENT) * rows;
    };
  }

  @Override
  public void sum(Sum sum) {
    switch (sum.axis()) {
      case ROWS -> sumDown(sum);
      case COLUMNS -> sumAlong(sum);
    }
  }

  private void sumDown(Sum sum) {
    int blocks = Math.ceilDiv(sum.rows(), BLOCK_ROWS);
    int columnBlocks = Math.ceilDiv(sum.cols(), Grid.THREADS);
    Arguments partial =
        new Arguments()
            .pointer(sum.workspace())
            .matrix(sum.x())
            .number(sum.rows())
            .number(sum.cols())
            .number(BLOCK_ROWS);
    Grid grid = new Grid(columnBlocks, Math.min(blocks, Grid.MAX_Y), Grid.THREADS, 1);
    launcher.launch(kernel("sum_down_" + Vectors.type(sum.x())), grid, partial);
    fold(sum, sum.cols(), blocks, sum.cols(), 1);
  }

  private void sumAlong(Sum sum) {
    int segments = Math.ceilDiv(sum.cols(), SEGMENT);
    Arguments partial =
        new Arguments()
            .pointer(sum.workspace())
            .matrix(sum.x())
            .number(sum.rows())
            .number(sum.cols())
            .number(SEGMENT);
    Grid grid = new Grid(segments, Math.min(sum.rows(), Grid.MAX_Y), Grid.THREADS, 1);
    launcher.launch(kernel("sum_along_" + Vectors.type(sum.x())), grid, partial);
    fold(sum, sum.rows(), segments, 1, segments);
  }

  /**
   * Sums the partial sums of each element in order: the k-th of element i lies at {@code k·apart +
   * i·own}.
   */
  private void fold(Sum sum, int elements, int count, int apart, int own) {
    Arguments arguments =
        new Arguments()
            .pointer(sum.out().view())
            .pointer(sum.workspace())
            .number(sum.factor())
            .number(elements)
            .number(count)
            .number(apart)
            .number(own);
    Grid grid = new Grid(Math.ceilDiv(elements, Grid.THREADS), 1, Grid.THREADS, 1);
    launcher.launch(kernel("fold", sum.out()), grid, arguments);
  }
}
