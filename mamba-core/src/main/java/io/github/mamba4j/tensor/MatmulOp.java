package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;

/**
 * {@code out = a · b} for each pair of matrices; {@code aGrad = outGrad · bᵀ}, {@code bGrad = aᵀ ·
 * outGrad}.
 */
public final class MatmulOp {
  private MatmulOp() {}

  /**
   * Multiplies matrices.
   *
   * @param a [..., m, k]
   * @param b [..., k, n] with the same leading axes, or [k, n] for all
   * @return [..., m, n]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor a, Tensor b) {
    String op = "matmul";
    ShapeRules.floats(op, "a", a);
    ShapeRules.floats(op, "b", b);
    int rank = a.shape().rank();
    if (rank < 2) {
      ShapeRules.rank(op, "a", a, 2, "[..., m, k]");
    }
    int k = a.shape().dim(-1);
    boolean shared = b.shape().rank() == 2;
    int[] expected = a.shape().toArray();
    expected[rank - 2] = k;
    expected[rank - 1] = b.shape().lastDim();
    Shape fitting = shared ? Shape.of(k, b.shape().lastDim()) : Shape.of(expected);
    ShapeRules.expect(op, "b", b, "[..., k, n]", fitting, "a of shape " + a.shape());
    int[] dims = a.shape().toArray();
    dims[rank - 1] = b.shape().lastDim();
    Scope scope = Scope.innermost(op, a, b);
    Tensor out = scope.result(Shape.of(dims), a, b);
    Sizes sizes = Sizes.of(a, b.shape().lastDim(), shared);
    sizes.multiply(
        scope,
        sizes.operand(a.view(), false, sizes.m),
        sizes.operandB(b.view(), false),
        new Sink(out.view(), false));
    scope.onBackward(() -> sizes.backward(scope, a, b, out), out);
    return out;
  }

  /** The sizes of one product; a shared b makes the batch one tall matrix. */
  private record Sizes(int batch, int m, int n, int k) {
    static Sizes of(Tensor a, int n, boolean shared) {
      int k = a.shape().dim(-1);
      int m = shared ? a.rows() : a.shape().dim(-2);
      return new Sizes(a.rows() / m, m, n, k);
    }

    Operand operand(View view, boolean transposed, int rows) {
      return new Operand(view, transposed, rows * view.stride());
    }

    Operand operandB(View view, boolean transposed) {
      return operand(view, transposed, k);
    }

    void multiply(Scope scope, Operand a, Operand b, Sink out) {
      product(scope, new int[] {batch, m, n, k}, a, b, out, m);
    }

    void backward(Scope scope, Tensor a, Tensor b, Tensor out) {
      View grad = out.gradientView();
      Sink aSink = Tensor.sink(a);
      if (aSink != null) {
        Operand bT = operandB(b.view(), true);
        product(scope, new int[] {batch, m, k, n}, operand(grad, false, m), bT, aSink, m);
      }
      Sink bSink = Tensor.sink(b);
      if (bSink != null) {
        Operand aT = operand(a.view(), true, m);
        product(scope, new int[] {batch, k, n, m}, aT, operand(grad, false, m), bSink, k);
      }
    }

    private static void product(
        Scope scope, int[] sizes, Operand a, Operand b, Sink out, int outRows) {
      Product product =
          new Product(
              new MatmulKernels.Shape(sizes[0], sizes[1], sizes[2], sizes[3]),
              a,
              b,
              out,
              outRows * out.view().stride(),
              null);
      scope.launch(() -> scope.backend().matmul().matmul(product));
    }
  }
}
