package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * A product of matrices that lie row by row as one of matrices that lie column by column: what lies
 * row by row is the transpose of what lies column by column, and {@code outᵀ = bᵀ · aᵀ}.
 */
final class ColumnProduct {
  private ColumnProduct() {}

  /**
   * Returns a product for a library; its bias is left to the caller.
   *
   * @return the product, or null if a library cannot have it
   */
  static Blas.@Nullable Gemm of(Product product) {
    Shape shape = product.shape();
    DType type = product.a().view().type();
    View out = product.out().view();
    if (out.type() != DType.F32 && out.type() != type) {
      return null;
    }
    Operand to = new Operand(out, false, product.outBatchStride());
    Blas.Matrix left = matrix(product.b(), shape.k(), shape.n());
    Blas.Matrix right = matrix(product.a(), shape.m(), shape.k());
    Blas.Matrix result = matrix(to, shape.m(), shape.n());
    if (left == null || right == null || result == null) {
      return null;
    }
    float beta = product.out().add() ? 1 : 0;
    return new Blas.Gemm(shape.batch(), shape.n(), shape.m(), shape.k(), left, right, result, beta);
  }

  private static Blas.@Nullable Matrix matrix(Operand operand, int rows, int cols) {
    View view = operand.view();
    int lines = operand.transposed() ? cols : rows;
    int length = operand.transposed() ? rows : cols;
    long stride = lines == 1 ? length : view.stride();
    if (stride < length || stride > Integer.MAX_VALUE) {
      return null;
    }
    return new Blas.Matrix(
        DeviceMemory.address(view),
        view.type(),
        operand.transposed(),
        (int) stride,
        operand.batchStride());
  }
}
