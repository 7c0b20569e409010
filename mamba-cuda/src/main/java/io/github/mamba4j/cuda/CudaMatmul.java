package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Matrix products: few rows times weights by {@link CudaGemv}, whatever the weights' type; the
 * others by {@link LargeProducts}, of which what runs beside other kernels has its own.
 */
final class CudaMatmul implements MatmulKernels, AutoCloseable {
  private final Gpu gpu;
  private final CudaGemv gemv;
  private final LargeProducts large;
  private final LargeProducts largeBeside;

  CudaMatmul(Gpu gpu) {
    this(gpu, () -> Cublas.open(gpu));
  }

  /**
   * Prepares products.
   *
   * @param gpu where they run
   * @param library opens the library for large ones; asked when there is one, and when there is one
   *     beside other kernels
   */
  CudaMatmul(Gpu gpu, Supplier<Optional<Blas>> library) {
    this.gpu = gpu;
    gemv = new CudaGemv(gpu);
    large = new LargeProducts(gpu, library);
    largeBeside = new LargeProducts(gpu, library);
  }

  /** Returns what computes large products, such as {@code cuBLAS 13.0.2 (libcublas.so.13)}. */
  String name() {
    return large.name();
  }

  @Override
  public int batchInvariantRows() {
    return CudaGemv.MOST_ROWS;
  }

  @Override
  public void matmul(Product product) {
    int batch = product.shape().batch();
    for (int first = 0; first < batch; first += Grid.MAX_Y) {
      if (batch <= Grid.MAX_Y) {
        some(product);
      } else {
        some(part(product, first, Math.min(Grid.MAX_Y, batch - first)));
      }
    }
  }

  private static Product part(Product product, int first, int count) {
    Shape shape = product.shape();
    View out = product.out().view().plus(first * product.outBatchStride());
    return new Product(
        new Shape(count, shape.m(), shape.n(), shape.k()),
        plus(product.a(), first),
        plus(product.b(), first),
        new Sink(out, product.out().add()),
        product.outBatchStride(),
        product.bias());
  }

  private static Operand plus(Operand operand, int items) {
    View view = operand.view().plus(items * operand.batchStride());
    return new Operand(view, operand.transposed(), operand.batchStride());
  }

  private void some(Product product) {
    if (CudaGemv.takes(product)) {
      gemv.launch(product);
    } else {
      gpu.together(() -> (gpu.isBeside() ? largeBeside : large).launch(product));
    }
  }

  @Override
  public void close() {
    large.close();
    largeBeside.close();
  }
}
