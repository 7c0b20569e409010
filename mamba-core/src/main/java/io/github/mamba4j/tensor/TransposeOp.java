package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ElementwiseKernels.Transpose;
import io.github.mamba4j.spi.Sink;

/** {@code out[j, i] = x[i, j]}; the gradient goes the same way back. */
public final class TransposeOp {
  private static final String OP = "transpose";

  private TransposeOp() {}

  /**
   * Exchanges rows and columns; the result is contiguous.
   *
   * @param x [rows, columns]
   * @return [columns, rows]
   * @throws ShapeMismatchException if x has another number of axes
   */
  public static Tensor apply(Tensor x) {
    ShapeRules.floats(OP, "x", x);
    ShapeRules.rank(OP, "x", x, 2, "[rows, columns]");
    Scope scope = Scope.innermost(OP, x);
    int rows = x.rows();
    int cols = x.cols();
    Tensor out = scope.result(Shape.of(cols, rows), x);
    Transpose args = new Transpose(rows, cols, x.view(), new Sink(out.view(), false));
    scope.launch(() -> scope.backend().elementwise().transpose(args));
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(x);
          if (sink != null) {
            Transpose back = new Transpose(cols, rows, out.gradientView(), sink);
            Runnable launch = () -> scope.backend().elementwise().transpose(back);
            scope.launchContribution(launch, x.gradient(), out.gradient().hold());
          }
        },
        out);
    return out;
  }
}
