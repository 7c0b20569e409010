package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/** Matrix products. */
public interface MatmulKernels {
  /**
   * The sizes of a batch of products of [m, k] and [k, n] matrices.
   *
   * @param batch number of independent products, positive
   * @param m rows of the result, positive
   * @param n columns of the result, positive
   * @param k length of the sums, positive
   */
  record Shape(int batch, int m, int n, int k) {}

  /**
   * One factor of a product.
   *
   * @param view its rows as they are stored
   * @param transposed true if what is stored is the transpose of the factor
   * @param batchStride distance between two matrices of the batch, in elements; zero repeats one
   */
  record Operand(View view, boolean transposed, long batchStride) {}

  /**
   * A product {@code out (+)= a · b (+ bias)}.
   *
   * @param shape the sizes
   * @param a left factor, [m, k] after its transposition
   * @param b right factor, [k, n] after its transposition; a weight matrix of PyTorch's convention
   *     {@code [n, k]} is a transposed operand
   * @param out result, rows of n elements
   * @param outBatchStride distance between two results of the batch, in elements
   * @param bias one row of n elements added to each row of the result, or null
   */
  record Product(
      Shape shape, Operand a, Operand b, Sink out, long outBatchStride, @Nullable View bias) {}

  /**
   * Returns up to how many rows a product with weights [n, k] on the right gives each row the bits
   * that it gives it alone. Sequences that are decoded together in so many rows get from products
   * what each gets alone.
   *
   * @return the number of rows, positive
   */
  int batchInvariantRows();

  /**
   * Computes a product.
   *
   * <p>Each element is a sum over k in an order that depends on the shape alone. With a transposed
   * right factor, and a left one that is not, the number of rows counts only in so far as it is
   * above {@link #batchInvariantRows} or not; above, a library of the hardware's maker may let it
   * count.
   *
   * @param product what to compute
   */
  void matmul(Product product);
}
