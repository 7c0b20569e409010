package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products: few rows times weights by {@link CudaGemv}, whatever the weights' type; the
 * others by cuBLAS where there is one, else by {@link CudaTiles}. The latter two take factors of one
 * type; others become floats in memory first.
 */
final class CudaMatmul implements MatmulKernels, AutoCloseable {
  /** Columns that are widened at a time, to which rows are rounded up. */
  private static final int WIDENED = 8;

  private final Gpu gpu;
  private final Supplier<Optional<Blas>> library;
  private final CudaGemv gemv;
  private final CudaTiles tiles;
  private final Scratch wideA;
  private final Scratch wideB;
  private @Nullable Optional<Blas> blas;

  CudaMatmul(Gpu gpu) {
    this(gpu, () -> Cublas.open(gpu));
  }

  /**
   * Prepares products.
   *
   * @param gpu where they run
   * @param library opens the library for large ones; asked when there is one
   */
  CudaMatmul(Gpu gpu, Supplier<Optional<Blas>> library) {
    this.gpu = gpu;
    this.library = library;
    gemv = new CudaGemv(gpu);
    tiles = new CudaTiles(gpu, new Scratch(gpu::allocate));
    wideA = new Scratch(gpu::allocate);
    wideB = new Scratch(gpu::allocate);
  }

  /** Returns what computes large products, such as {@code cuBLAS 13.0.2 (libcublas.so.13)}. */
  String name() {
    return Cublas.nameOf(blas().orElse(null));
  }

  private synchronized Optional<Blas> blas() {
    Optional<Blas> opened = blas;
    if (opened == null) {
      opened = library.get();
      blas = opened;
    }
    return opened;
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
      Optional<Blas> opened = blas();
      gpu.together(() -> many(product, opened.orElse(null)));
    }
  }

  private void many(Product product, @Nullable Blas opened) {
    Product same = ofOneType(product);
    Blas.Gemm gemm = opened == null ? null : ColumnProduct.of(same);
    if (opened == null || gemm == null) {
      tiles.launch(same);
      return;
    }
    gpu.call(() -> opened.gemm(gemm));
    if (product.bias() != null) {
      tiles.fold(same, null, 0);
    }
  }

  /** Returns a product with factors of one type, one that products are made for. */
  private Product ofOneType(Product product) {
    DType type = product.a().view().type();
    if (type == product.b().view().type() && (type == DType.F32 || type == DType.BF16)) {
      return product;
    }
    Shape shape = product.shape();
    return new Product(
        shape,
        wide(product.a(), shape.batch(), shape.m(), shape.k(), wideA),
        wide(product.b(), shape.batch(), shape.k(), shape.n(), wideB),
        product.out(),
        product.outBatchStride(),
        product.bias());
  }

  private Operand wide(Operand operand, int batch, int rows, int cols, Scratch memory) {
    View from = operand.view();
    if (from.type() == DType.F32) {
      return operand;
    }
    int count = operand.batchStride() == 0 ? 1 : batch;
    int lines = operand.transposed() ? cols : rows;
    int length = operand.transposed() ? rows : cols;
    int eights = Math.ceilDiv(length, WIDENED);
    long stride = (long) eights * WIDENED;
    long size = stride * lines;
    View to = new View(memory.of(size * count * Float.BYTES), DType.F32, 0, stride);
    Arguments arguments =
        new Arguments()
            .matrix(to)
            .wide(size)
            .pointer(from)
            .wide(from.type().bytes(from.stride()))
            .wide(from.type().bytes(operand.batchStride()))
            .number(length)
            .number(lines)
            .number(eights);
    Kernel kernel = new Kernel("matmul_aid", "widen_" + CudaGemv.lower(from.type()));
    gpu.launch(kernel, Grid.over(lines, eights).layers(count), arguments);
    return new Operand(to, operand.transposed(), count == 1 ? 0 : size);
  }

  @Override
  public synchronized void close() {
    Optional<Blas> opened = blas;
    if (opened != null && opened.isPresent()) {
      gpu.call(opened.get()::close);
    }
    blas = Optional.empty();
  }
}
