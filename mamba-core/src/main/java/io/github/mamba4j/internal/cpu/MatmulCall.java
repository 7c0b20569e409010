package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One product under way: where its operands lie, which part of it is being computed and how that
 * part is cut into tasks.
 *
 * <p>Objects are kept and used again by {@link CpuMatmul}, so that a call allocates nothing. Only
 * the calling thread writes, and only while no task runs. Offsets and strides are in bytes except
 * where said. The factors of the tiles are those of the part under way, after copying.
 */
final class MatmulCall extends TileFactors {
  private static final int ALIGNMENT = 64;

  final CpuMatmul kernels;

  int batch;
  int m;
  int n;
  int k;

  MemorySegment a = MemorySegment.NULL;
  long aOffset;
  long aBatchBytes;

  /** Distance from one row of the left factor to the next. */
  long aRowBytes;

  /** Distance from one step of the sums to the next in the left factor. */
  long aStepBytes;

  /** True if the left factor is stored transposed, and copied together before use. */
  boolean aTransposed;

  MemorySegment b = MemorySegment.NULL;
  DType bType = DType.F32;
  boolean bTransposed;
  // In elements, because the type varies.
  long bOffset;
  long bStride;
  long bBatchStride;

  MemorySegment out = MemorySegment.NULL;
  long outOffset;
  long outRowBytes;
  long outBatchBytes;
  boolean outAdd;

  @Nullable MemorySegment bias;
  long biasOffset;

  private MatmulKernels.@Nullable Product product;

  /** Memory for packed strips that is this object's. */
  private MemorySegment own = MemorySegment.NULL;

  /** The part of the right factor that is packed at the moment. */
  int firstItem;

  int items;
  int firstColumn;
  int columns;
  int firstStep;

  /** True if tiles of this part are added to what the result holds. */
  boolean add;

  int rowTiles;
  int rowsPerTile;
  int columnTiles;
  int columnsPerTile;

  /** Columns that a task computes for all its rows before it goes on: their strips fit L2. */
  int columnsPerPass;

  int columnsPerPack;
  int stepsPerPack;

  MatmulCall(CpuMatmul kernels) {
    this.kernels = kernels;
  }

  void open(MatmulKernels.Product product) {
    this.product = product;
    MatmulKernels.Shape shape = product.shape();
    batch = shape.batch();
    m = shape.m();
    n = shape.n();
    k = shape.k();
    MatmulKernels.Operand left = product.a();
    long rowBytes = left.view().stride() * Float.BYTES;
    a = CpuStorage.of(left.view());
    aOffset = left.view().offset() * Float.BYTES;
    aBatchBytes = left.batchStride() * Float.BYTES;
    aTransposed = left.transposed();
    aRowBytes = left.transposed() ? Float.BYTES : rowBytes;
    aStepBytes = left.transposed() ? rowBytes : Float.BYTES;
    MatmulKernels.Operand right = product.b();
    b = CpuStorage.of(right.view());
    bType = right.view().type();
    bTransposed = right.transposed();
    bOffset = right.view().offset();
    bStride = right.view().stride();
    bBatchStride = right.batchStride();
    View to = product.out().view();
    out = CpuStorage.of(to);
    outOffset = to.offset() * Float.BYTES;
    outRowBytes = to.stride() * Float.BYTES;
    outBatchBytes = product.outBatchStride() * Float.BYTES;
    outAdd = product.out().add();
    View row = product.bias();
    bias = row == null ? null : CpuStorage.of(row);
    biasOffset = row == null ? 0 : row.offset() * Float.BYTES;
  }

  /** Checks that the operands lie inside their memory, for tasks that reach it without checks. */
  void requireInside() {
    long last = leftAt(batch - 1, m - 1) + (k - 1) * aStepBytes;
    requireInside("a", a, aOffset, last + Float.BYTES);
    int rows = bTransposed ? n : k;
    long lastRow = bOffset + (batch - 1) * bBatchStride + (rows - 1) * bStride;
    requireInside(
        "b", b, bType.bytes(bOffset), bType.bytes(lastRow) + bType.bytes(bTransposed ? k : n));
    requireInside("out", out, outOffset, outAt(batch - 1, m - 1) + (long) n * Float.BYTES);
  }

  private static void requireInside(String name, MemorySegment memory, long from, long to) {
    if (from < 0 || to > memory.byteSize()) {
      throw new IndexOutOfBoundsException(
          "CpuMatmul: "
              + name
              + " lies at bytes "
              + from
              + " to "
              + to
              + " of "
              + memory.byteSize());
    }
  }

  /** Checks that the memory of the operands is in use. To be called from a task. */
  void requireInUse() {
    if (product != null) {
      ((CpuStorage) product.a().view().storage()).requireInUse();
      ((CpuStorage) product.b().view().storage()).requireInUse();
      ((CpuStorage) product.out().view().storage()).requireInUse();
    }
  }

  /** Makes room for the packed part of the right factor where none was claimed. */
  void reserve(long floats, @Nullable MemorySegment claimed) {
    if (claimed != null) {
      packed = claimed;
      return;
    }
    long bytes = floats * Float.BYTES;
    if (own.byteSize() < bytes) {
      own = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    }
    packed = own;
  }

  /** Forgets the operands, so that an idle object keeps no tensor alive. */
  void release() {
    product = null;
    a = MemorySegment.NULL;
    b = MemorySegment.NULL;
    out = MemorySegment.NULL;
    bias = null;
    packed = MemorySegment.NULL;
  }

  /**
   * Whether a dot product takes the even elements of two vectors before the odd ones: 16-bit rows
   * of whole pairs of vectors. Every loop over dot products has to, for its sums to be the same.
   */
  boolean inPairs(int lanes) {
    return (bType == DType.BF16 || bType == DType.F16) && k % (2 * lanes) == 0;
  }

  /** Returns the part of a row that is made of whole vectors. */
  int whole(int lanes) {
    return k / lanes * lanes;
  }

  /** Returns where a row of an item's result starts. */
  long outAt(int item, int row) {
    return outOffset + item * outBatchBytes + row * outRowBytes;
  }

  /** Returns where the sums of a row of an item's left factor start. */
  long leftAt(int item, int row) {
    return aOffset + item * aBatchBytes + row * aRowBytes;
  }

  /** Returns the size of a packed matrix of this part, in bytes. */
  long packedBytes(int width) {
    return width * (depth + 1L) * Float.BYTES;
  }
}
