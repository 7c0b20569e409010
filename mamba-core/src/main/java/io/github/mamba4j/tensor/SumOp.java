package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;

/** {@code out = factor · Σ x}; every element of xGrad gains {@code factor · outGrad}. */
public final class SumOp {
  private SumOp() {}

  /**
   * Sums all elements.
   *
   * @param x any shape
   * @param factor multiplies the sum; one over the number of elements makes it the mean
   * @return shape [1]
   */
  public static Tensor apply(Tensor x, float factor) {
    ShapeRules.floats("sum", "x", x);
    Scope scope = Scope.innermost("sum", x);
    Tensor out = scope.result(Shape.of(1), x);
    int rows = x.rows();
    int cols = x.cols();
    scope.withWorkspace(
        rows,
        rowSums -> {
          scope.sumColumns(x.view(), rows, cols, 1f, new Sink(rowSums, false));
          View column = new View(rowSums.storage(), DType.F32, rowSums.offset(), rows);
          scope.sumColumns(column, 1, rows, factor, new Sink(out.view(), false));
        });
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(x);
          if (sink != null) {
            spread(scope, out.gradientView(), sink, rows, cols, factor);
          }
        },
        out);
    return out;
  }

  private static void spread(Scope scope, View grad, Sink sink, int rows, int cols, float factor) {
    scope.withWorkspace(
        cols,
        ones -> {
          View row = new View(ones.storage(), DType.F32, ones.offset(), 0);
          scope.fill(row, 1, cols, 1f);
          scope.scale(row, sink, rows, cols, factor, grad);
        });
  }
}
