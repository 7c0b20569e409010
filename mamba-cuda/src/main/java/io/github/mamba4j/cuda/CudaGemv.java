package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.BatchProduct.Part;
import io.github.mamba4j.cuda.BatchProduct.Work;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.View;
import java.util.HashMap;
import java.util.Map;

/**
 * Products of few rows with weights: the launches of {@code gemv.ptx}, and, where all is BF16, of
 * {@code held_rows.ptx} and {@code mamba_batch.ptx}.
 *
 * <p>All that counts is to read the weights once, from all multiprocessors and with enough loads
 * under way: tiles of 16 rows of weights are cut along k until there are as many warps as that
 * takes.
 */
final class CudaGemv {
  /** The most rows. */
  static final int MOST_ROWS = 64;

  /** Sizes along k beyond this would not fit into 32 bits of bytes. */
  private static final int MOST_DEPTH = 1 << 28;

  private static final int WARP = 32;
  private static final int TILE = 16;
  private static final int MOST_WARPS = 8;

  /** Warps that keep a large GPU's memory busy; how k is cut must not depend on the GPU. */
  private static final int ENOUGH_WARPS = 2048;

  /** Tiles beyond which blocks of one warp would be too many. */
  private static final int MANY_TILES = 512;

  /** Warps of a block where there are many tiles. */
  private static final int USUAL_WARPS = 4;

  private static final int MOST_COPIED_ROWS = 4;
  private static final int GROUP = 8;
  private static final int MOST_FLOAT_ROWS = 16;

  /** Shared memory that a block can have on every GPU from 8.0 on, less what is fixed. */
  private static final int MOST_SHARED = 90 << 10;

  private static final int ADDS = 1;
  private static final int NARROW = 2;

  private final Launcher launcher;

  CudaGemv(Launcher launcher) {
    this.launcher = launcher;
  }

  /**
   * How k is cut: a property of the weights alone.
   *
   * @param tiles groups of 16 rows of weights
   * @param slices warps that share a tile's k
   */
  record Cut(int tiles, int slices) {
    static Cut of(DType weights, int n, int k) {
      int tiles = Math.ceilDiv(n, TILE);
      int chunks = Math.ceilDiv(k, chunk(weights));
      int most = Math.clamp(Math.ceilDiv(ENOUGH_WARPS, tiles), 1, Math.min(MOST_WARPS, chunks));
      return new Cut(tiles, Math.ceilDiv(chunks, Math.ceilDiv(chunks, most)));
    }

    /** Returns how many tiles a block takes, of which the results do not depend. */
    int tilesOfBlock() {
      return tiles < MANY_TILES ? 1 : Math.max(1, USUAL_WARPS / slices);
    }
  }

  /** Returns how many k of a row a warp takes at a time. */
  private static int chunk(DType weights) {
    return switch (weights) {
      case F32 -> 64;
      case INT8 -> 256;
      default -> 128;
    };
  }

  /** Returns the bytes of a chunk of a tile. */
  private static int stage(DType weights) {
    return Math.toIntExact(weights.bytes((long) TILE * chunk(weights)));
  }

  /** Returns whether these kernels compute a product. */
  static boolean takes(Product product) {
    int k = product.shape().k();
    DType weights = product.b().view().type();
    return product.shape().m() <= MOST_ROWS
        && k <= MOST_DEPTH
        && !product.a().transposed()
        && product.b().transposed()
        && k % weights.blockElements() == 0;
  }

  /** Launches a product that these kernels take. */
  void launch(Product product) {
    if (isHalf(product)) {
      launchHalf(product);
    } else {
      launchAny(product);
    }
  }

  /** Returns whether a product is one of BF16, which the rows alone decide no part of. */
  private static boolean isHalf(Product product) {
    View out = product.out().view();
    return product.a().view().type() == DType.BF16
        && product.b().view().type() == DType.BF16
        && out.type() == DType.F32
        && !product.out().add()
        && product.shape().batch() == 1
        && product.shape().k() % GROUP == 0
        && startsAtSixteen(product.a())
        && startsAtSixteen(product.b());
  }

  private void launchHalf(Product product) {
    View x = product.a().view();
    View w = product.b().view();
    View out = product.out().view();
    int m = product.shape().m();
    int n = product.shape().n();
    int k = product.shape().k();
    Arguments arguments =
        new Arguments()
            .pointer(w)
            .wide(w.type().bytes(w.stride()))
            .pointer(x)
            .wide(x.type().bytes(x.stride()))
            .pointer(out)
            .wide(out.type().bytes(out.stride()))
            .pointer(product.bias())
            .number(m)
            .number(n)
            .number(k);
    if (HeldRows.takes(n, k)) {
      HeldRows cut = HeldRows.of(m, n, k, launcher);
      launcher.launch(cut.kernel(), cut.grid(), arguments);
    } else {
      Work work = new Work(Part.ROWS, DType.BF16, n, k, 1, m, 1);
      BatchProduct cut = BatchProduct.of(work, launcher);
      launcher.launch(cut.kernel(false), cut.grid(), arguments);
    }
  }

  private void launchAny(Product product) {
    int m = product.shape().m();
    int n = product.shape().n();
    int k = product.shape().k();
    View x = product.a().view();
    View w = product.b().view();
    Cut cut = Cut.of(w.type(), n, k);
    int warps = cut.slices * cut.tilesOfBlock();
    boolean vectors =
        k % GROUP == 0 && startsAtSixteen(product.a()) && startsAtSixteen(product.b());
    int pitch = Math.toIntExact(x.type().bytes(chunk(w.type()))) + 16;
    int copied = warps * 2 * (stage(w.type()) + m * pitch);
    boolean copies = vectors && m <= MOST_COPIED_ROWS && pitch > 256 && copied <= MOST_SHARED;
    int shared = copies ? copied : vectors ? warps * 2 * stage(w.type()) : 0;
    boolean floats = w.type() == DType.F32;
    int rows = floats ? floatRows(m, copies) : Math.ceilDiv(m, GROUP);
    Grid grid =
        new Grid(
            Math.ceilDiv(cut.tiles, cut.tilesOfBlock()),
            product.shape().batch(),
            floats ? Math.ceilDiv(m, rows) : 1,
            WARP * cut.slices,
            cut.tilesOfBlock(),
            shared);
    Map<String, String> form = new HashMap<>();
    form.put("W", Vectors.type(w.type()));
    form.put("X", Vectors.type(x.type()));
    form.put("ROWS", String.valueOf(rows));
    form.put("VECTORS", vectors ? "1" : "0");
    form.put("COPIED", copies ? "1" : "0");
    launcher.launch(new Kernel(new PtxSource("gemv", form), "gemv"), grid, arguments(product));
  }

  private static int floatRows(int m, boolean copies) {
    if (copies) {
      return m;
    }
    int powerOfTwo = Integer.highestOneBit(2 * m - 1);
    return Math.min(MOST_FLOAT_ROWS, powerOfTwo);
  }

  private static Arguments arguments(Product product) {
    View out = product.out().view();
    View w = product.b().view();
    int flags = (product.out().add() ? ADDS : 0) | (out.type() == DType.BF16 ? NARROW : 0);
    return new Arguments()
        .matrix(out)
        .wide(product.outBatchStride())
        .matrix(product.a().view())
        .wide(product.a().batchStride())
        .pointer(w)
        .wide(w.type().bytes(w.stride()))
        .wide(w.type().bytes(product.b().batchStride()))
        .pointer(product.bias())
        .number(product.shape().m())
        .number(product.shape().n())
        .number(product.shape().k())
        .number(flags);
  }

  /** Returns whether all rows of an operand start at multiples of 16 bytes. */
  static boolean startsAtSixteen(Operand operand) {
    View view = operand.view();
    long all =
        DeviceMemory.address(view)
            | view.type().bytes(view.stride())
            | view.type().bytes(operand.batchStride());
    return all % 16 == 0;
  }
}
