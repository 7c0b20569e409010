package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Products of many rows, by cuBLAS where there is one, else by {@link CudaTiles}. Both take factors
 * of one type; others are copied first. One after the other: they share scratch, and a library's
 * workspace.
 */
final class LargeProducts implements AutoCloseable {
  /** Columns that are split at a time, to which rows are rounded up. */
  private static final int EIGHT = 8;

  /** How many BF16 a float is the sum of. */
  private static final int MOST_PARTS = 3;

  private final Gpu gpu;
  private final Supplier<Optional<Blas>> library;
  private final CudaTiles tiles;
  private final Scratch copyOfA;
  private final Scratch copyOfB;
  private final Scratch result;

  /** Looked for with the GPU to itself, when the first product comes; launches where it came. */
  private @Nullable Blas blas;

  private boolean opened;

  LargeProducts(Gpu gpu, Supplier<Optional<Blas>> library) {
    this.gpu = gpu;
    this.library = library;
    tiles = new CudaTiles(gpu, new Scratch(gpu::allocate), Cublas.cutsFloats());
    copyOfA = new Scratch(gpu::allocate);
    copyOfB = new Scratch(gpu::allocate);
    result = new Scratch(gpu::allocate);
  }

  /** Returns what computes them. */
  String name() {
    gpu.together(this::open);
    return Cublas.nameOf(blas);
  }

  private void open() {
    if (!opened) {
      blas = library.get().orElse(null);
      opened = true;
    }
  }

  /** Launches a product, with the GPU to itself. */
  void launch(Product product) {
    open();
    Blas present = blas;
    View out = product.out().view();
    boolean same = isSame(product);
    if (same && (out.type() == DType.F32 || out.type() == product.a().view().type())) {
      sameTypes(product, present);
      return;
    }
    boolean direct = out.type() == DType.F32;
    Product floats = direct ? product : ofFloats(product);
    if (same) {
      sameTypes(floats, present);
    } else {
      inParts(floats, present);
    }
    if (!direct) {
      tiles.fold(product, floats.out().view(), 1);
    }
  }

  /** Returns whether a product is one that tiles and libraries compute. */
  private static boolean isSame(Product product) {
    DType type = product.a().view().type();
    return type == product.b().view().type() && (type == DType.F32 || type == DType.BF16);
  }

  /** Returns a product with the result as floats, without the bias, in memory for the while. */
  private Product ofFloats(Product product) {
    Shape shape = product.shape();
    long size = (long) shape.m() * shape.n();
    DeviceMemory memory = result.of(DType.F32.bytes(size * shape.batch()));
    Sink sink = new Sink(new View(memory, DType.F32, 0, shape.n()), false);
    return new Product(shape, product.a(), product.b(), sink, size, null);
  }

  private void sameTypes(Product product, @Nullable Blas present) {
    Blas.Gemm gemm = present == null ? null : ColumnProduct.of(product);
    if (present == null || gemm == null) {
      tiles.launch(product);
      return;
    }
    gpu.call(() -> present.gemm(gemm));
    if (product.bias() != null) {
      tiles.fold(product, null, 0);
    }
  }

  /**
   * Multiplies factors of different types on the tensor cores. Each is the sum of up to three BF16,
   * of 8 bits each, and products of BF16 are exact floats; those that cannot reach the 24 bits of
   * the result are left out. Six such products take less time than one of floats.
   */
  private void inParts(Product product, @Nullable Blas present) {
    Shape shape = product.shape();
    List<Operand> left = parts(product.a(), shape.batch(), shape.m(), shape.k(), copyOfA);
    List<Operand> right = parts(product.b(), shape.batch(), shape.k(), shape.n(), copyOfB);
    boolean add = product.out().add();
    for (int i = 0; i < left.size(); i++) {
      for (int j = 0; j < Math.min(right.size(), MOST_PARTS - i); j++) {
        boolean first = i + j == 0;
        Sink out = new Sink(product.out().view(), add || !first);
        View bias = first ? product.bias() : null;
        Product part =
            new Product(shape, left.get(i), right.get(j), out, product.outBatchStride(), bias);
        sameTypes(part, present);
      }
    }
  }

  private List<Operand> parts(Operand operand, int batch, int rows, int cols, Scratch memory) {
    View from = operand.view();
    if (from.type() == DType.BF16) {
      return List.of(operand);
    }
    int count = from.type() == DType.F16 ? 2 : MOST_PARTS;
    Copy copy = Copy.of(operand, batch, rows, cols);
    DeviceMemory target = memory.of(DType.BF16.bytes(copy.partSize() * count));
    View to = new View(target, DType.BF16, 0, copy.stride);
    split(from, operand.batchStride(), copy, to);
    return IntStream.range(0, count)
        .mapToObj(i -> to.plus(i * copy.partSize()))
        .map(part -> new Operand(part, operand.transposed(), copy.batchStride()))
        .toList();
  }

  /**
   * The sizes of dense copies of a factor.
   *
   * @param count how many matrices, 1 where one is repeated
   * @param lines rows in memory
   * @param length elements of a row
   * @param eights the same in eights, which the kernels treat of
   */
  private record Copy(int count, int lines, int length, int eights, long stride, long size) {
    static Copy of(Operand operand, int batch, int rows, int cols) {
      int lines = operand.transposed() ? cols : rows;
      int length = operand.transposed() ? rows : cols;
      int eights = Math.ceilDiv(length, EIGHT);
      long stride = (long) eights * EIGHT;
      int count = operand.batchStride() == 0 ? 1 : batch;
      return new Copy(count, lines, length, eights, stride, stride * lines);
    }

    long batchStride() {
      return count == 1 ? 0 : size;
    }

    long partSize() {
      return count * size;
    }
  }

  private void split(View from, long batchStride, Copy copy, View to) {
    Arguments arguments =
        new Arguments()
            .matrix(to)
            .wide(copy.size)
            .wide(copy.partSize())
            .pointer(from)
            .wide(from.type().bytes(from.stride()))
            .wide(from.type().bytes(batchStride))
            .number(copy.length)
            .number(copy.lines)
            .number(copy.eights);
    Grid grid = Grid.over(copy.lines, copy.eights).layers(copy.count);
    String name = "split_" + Vectors.type(from.type());
    gpu.launch(new Kernel("matmul_aid", name), grid, arguments);
  }

  @Override
  public void close() {
    Blas present = blas;
    if (present != null) {
      gpu.call(present::close);
    }
    blas = null;
    opened = true;
  }
}
