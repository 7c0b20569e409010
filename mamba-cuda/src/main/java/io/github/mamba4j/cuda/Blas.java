package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;

/**
 * A library of matrix products on a GPU, in cuBLAS's way: matrices lie column by column. Calls are
 * made with the GPU's context, one at a time, and take their turn on its stream.
 */
interface Blas extends AutoCloseable {
  /**
   * A matrix that lies column by column, or a batch of them.
   *
   * @param address of its first element on the GPU
   * @param type of its elements, {@link DType#F32} or {@link DType#BF16}
   * @param transposed true if what lies there is the transpose of what is meant
   * @param leading distance between the starts of two columns, in elements, at least their length
   * @param batchStride distance between two matrices, in elements
   */
  record Matrix(long address, DType type, boolean transposed, int leading, long batchStride) {}

  /**
   * A product {@code c = a · b + beta · c}.
   *
   * @param batch number of independent products
   * @param m rows of c
   * @param n columns of c
   * @param k length of the sums
   * @param a left factor, [m, k]
   * @param b right factor, [k, n], of the same type
   * @param c result, not transposed; as the factors, or {@link DType#F32}
   * @param beta what the contents of c count
   */
  record Gemm(int batch, int m, int n, int k, Matrix a, Matrix b, Matrix c, float beta) {}

  /** Returns the library's name and version. */
  String name();

  /** Launches a product; sums are of 32-bit floats in an order that the call's sizes determine. */
  void gemm(Gemm gemm);

  @Override
  void close();
}
