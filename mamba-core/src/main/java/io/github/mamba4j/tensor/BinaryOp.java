package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ElementwiseKernels.Binary;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * {@code out = f(a, b)} for each pair of elements. The second argument may be one row that meets
 * every row of the first; its gradient is then the sum over the rows.
 *
 * <p>Gradients: sum {@code (g, g)}, difference {@code (g, −g)}, product {@code (g·b, g·a)}.
 */
public final class BinaryOp {
  private BinaryOp() {}

  /**
   * Combines two tensors element by element.
   *
   * @param function f
   * @param a any shape
   * @param b the same shape, or the shape of one row of a
   * @return f(a, b), of a's shape
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Binary function, Tensor a, Tensor b) {
    String op = function.name().toLowerCase(Locale.ROOT);
    boolean row = !b.shape().equals(a.shape());
    if (row) {
      ShapeRules.expect(
          op, "b", b, "shape or one row", Shape.of(a.cols()), "a of shape " + a.shape());
    }
    ShapeRules.floats(op, "a", a);
    ShapeRules.floats(op, "b", b);
    Scope scope = Scope.innermost(op, a, b);
    Tensor out = scope.result(a.shape(), a, b);
    View bView = row ? repeated(b.view()) : b.view();
    scope.combine(function, a.view(), bView, new Sink(out.view(), false), out.rows(), out.cols());
    scope.onBackward(() -> backward(function, a, b, bView, out), out);
    return out;
  }

  private static void backward(Binary function, Tensor a, Tensor b, View bView, Tensor out) {
    View grad = out.gradientView();
    Scope scope = out.scope();
    if (a.requiresGrad()) {
      if (function == Binary.MULTIPLY) {
        scope.multiply(grad, bView, sink(a), out.rows(), out.cols());
      } else if (a.base() != a || !a.gradient().adopt(out.gradient())) {
        scope.scale(grad, sink(a), out.rows(), out.cols(), 1f, null);
      }
    }
    if (b.requiresGrad()) {
      secondGradient(function, a, b, out, grad);
    }
  }

  private static void secondGradient(Binary function, Tensor a, Tensor b, Tensor out, View grad) {
    Scope scope = out.scope();
    float sign = function == Binary.SUBTRACT ? -1f : 1f;
    boolean row = !b.shape().equals(a.shape());
    if (!row) {
      if (function == Binary.MULTIPLY) {
        scope.multiply(grad, a.view(), sink(b), out.rows(), out.cols());
      } else {
        scope.scale(grad, sink(b), out.rows(), out.cols(), sign, null);
      }
    } else if (function == Binary.MULTIPLY) {
      scope.withWorkspace(
          out.shape().elements(),
          product -> {
            View rows = new View(product.storage(), product.type(), product.offset(), out.cols());
            scope.multiply(grad, a.view(), new Sink(rows, false), out.rows(), out.cols());
            scope.sumRows(rows, out.rows(), out.cols(), sign, sink(b));
          });
    } else {
      scope.sumRows(grad, out.rows(), out.cols(), sign, sink(b));
    }
  }

  private static Sink sink(Tensor tensor) {
    @Nullable Sink sink = Tensor.sink(tensor);
    if (sink == null) {
      throw new IllegalStateException("BinaryOp: gradient asked of a tensor that has none");
    }
    return sink;
  }

  private static View repeated(View row) {
    return new View(row.storage(), row.type(), row.offset(), 0);
  }
}
