package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products: few rows times weights by {@link CudaGemv}, whatever the weights' type; the
 * others by cuBLAS where there is one, else by {@link CudaTiles}. The latter two take factors of
 * one type; others are copied first.
 */
final class CudaMatmul implements MatmulKernels, AutoCloseable {
  /** Columns that are split at a time, to which rows are rounded up. */
  private static final int EIGHT = 8;

  /** How many BF16 a float is the sum of. */
  private static final int MOST_PARTS = 3;

  private final Gpu gpu;
  private final Supplier<Optional<Blas>> library;
  private final CudaGemv gemv;
  private final CudaTiles tiles;
  private final Scratch copyOfA;
  private final Scratch copyOfB;
  private final Scratch result;

  /** Looked for with the GPU to itself, when the first large product comes. */
  private @Nullable Blas blas;

  private boolean opened;

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
    tiles = new CudaTiles(gpu, new Scratch(gpu::allocate), Cublas.cutsFloats());
    copyOfA = new Scratch(gpu::allocate);
    copyOfB = new Scratch(gpu::allocate);
    result = new Scratch(gpu::allocate);
  }

  /** Returns what computes large products, such as {@code cuBLAS 13.0.2 (libcublas.so.13)}. */
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
      gpu.together(() -> many(product));
    }
  }

  private void many(Product product) {
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
