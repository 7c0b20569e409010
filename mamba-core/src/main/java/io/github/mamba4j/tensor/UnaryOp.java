package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ElementwiseKernels.Map;
import io.github.mamba4j.spi.ElementwiseKernels.MapBackward;
import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.Sink;

/** {@code out = f(x)} for each element; {@code xGrad = f'(x) · outGrad}. */
public final class UnaryOp {
  private UnaryOp() {}

  /**
   * Applies a function to each element.
   *
   * @param function f
   * @param x any shape
   * @return f(x), of the same shape
   */
  public static Tensor apply(Unary function, Tensor x) {
    ShapeRules.floats("map", "x", x);
    Scope scope = Scope.innermost("map", x);
    Tensor out = scope.result(x.shape(), x);
    int rows = x.rows();
    int cols = x.cols();
    Map map = new Map(function, rows, cols, x.view(), new Sink(out.view(), false));
    scope.launch(() -> scope.backend().elementwise().map(map));
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(x);
          if (sink != null) {
            MapBackward args =
                new MapBackward(function, rows, cols, x.view(), out.gradientView(), sink);
            scope.launch(() -> scope.backend().elementwise().mapBackward(args));
          }
        },
        out);
    return out;
  }
}
