package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.Sink;

/** {@code out = factor · x}; {@code xGrad = factor · outGrad}. */
public final class ScaleOp {
  private ScaleOp() {}

  /**
   * Multiplies each element by a number.
   *
   * @param x any shape
   * @param factor the number
   * @return factor · x, of the same shape
   */
  public static Tensor apply(Tensor x, float factor) {
    ShapeRules.floats("multiply", "x", x);
    Scope scope = Scope.innermost("multiply", x);
    Tensor out = scope.result(x.shape(), x);
    scope.scale(x.view(), new Sink(out.view(), false), x.rows(), x.cols(), factor, null);
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(x);
          if (sink != null) {
            scope.scale(out.gradientView(), sink, x.rows(), x.cols(), factor, null);
          }
        },
        out);
    return out;
  }
}
