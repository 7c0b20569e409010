package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.View;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Products of any size of two factors of one type: the launches of {@code matmul.ptx}.
 *
 * <p>Where there are fewer tiles than a large GPU has room for, k is cut, and a second kernel adds
 * what the parts give in order.
 */
final class CudaTiles {
  private static final int LARGE_SIDE = 128;
  private static final int SMALL_SIDE = 64;

  /** Blocks that fill a large GPU; how sums are cut must not depend on the GPU. */
  private static final int ENOUGH_BLOCKS = 256;

  /** Large tiles that are better than four times as many small ones. */
  private static final int ENOUGH_LARGE = 96;

  /** The least k that a part is worth. */
  private static final int LEAST_PART = 256;

  private static final int THREADS = 128;
  private static final int FLOAT_THREADS = 256;
  private static final int STAGES = 4;
  private static final int FLOAT_STAGES = 3;

  private final Launcher launcher;
  private final Scratch parts;
  private final boolean cutsFloats;

  /**
   * Prepares launches.
   *
   * @param launcher runs them
   * @param parts memory for the sums of parts
   * @param cutsFloats true if floats may lose all but 11 bits, for speed
   */
  CudaTiles(Launcher launcher, Scratch parts, boolean cutsFloats) {
    this.launcher = launcher;
    this.parts = parts;
    this.cutsFloats = cutsFloats;
  }

  /**
   * How a product is cut.
   *
   * @param side rows and columns of a tile
   * @param tiles how many there are
   * @param part how many k a block takes, a multiple of 32
   * @param parts how many blocks share a tile's k
   */
  record Cut(int side, int tiles, int part, int parts) {
    static Cut of(Product product) {
      Shape shape = product.shape();
      long large = tiles(shape, LARGE_SIDE);
      boolean rows = !product.a().transposed() && product.b().transposed();
      boolean deep = shape.k() >= 4 * LEAST_PART && !rows;
      boolean few = large * shape.batch() < ENOUGH_LARGE && !deep;
      boolean narrow = shape.m() <= SMALL_SIDE || shape.n() <= SMALL_SIDE;
      int side = few || narrow ? SMALL_SIDE : LARGE_SIDE;
      long blocks = tiles(shape, side) * shape.batch();
      // A row's results must not depend on how many there are.
      int most = rows || blocks * 2 > ENOUGH_BLOCKS ? 1 : (int) (ENOUGH_BLOCKS / blocks);
      int count = Math.clamp(shape.k() / LEAST_PART, 1, most);
      int part = (int) (Math.ceilDiv(shape.k(), count * 32L) * 32);
      return new Cut(
          side, Math.toIntExact(tiles(shape, side)), part, Math.ceilDiv(shape.k(), part));
    }

    private static long tiles(Shape shape, int side) {
      return (long) Math.ceilDiv(shape.m(), side) * Math.ceilDiv(shape.n(), side);
    }
  }

  /** Launches a product. */
  void launch(Product product) {
    launch(product, Cut.of(product));
  }

  /** Launches a product cut in a way. */
  void launch(Product product, Cut cut) {
    if (cut.parts == 1) {
      View out = product.out().view();
      Target target = new Target(out, product.outBatchStride(), 0, product.out().add());
      launch(product, cut, target, product.bias());
      return;
    }
    Shape shape = product.shape();
    long size = (long) shape.m() * shape.n();
    DeviceMemory memory = parts.of(size * shape.batch() * cut.parts * Float.BYTES);
    View sums = new View(memory, DType.F32, 0, shape.n());
    launch(product, cut, new Target(sums, size, size * shape.batch(), false), null);
    fold(product, sums, cut.parts);
  }

  private record Target(View view, long batchStride, long partStride, boolean add) {}

  private void launch(Product product, Cut cut, Target target, @Nullable View bias) {
    Shape shape = product.shape();
    DType type = product.a().view().type();
    boolean floats = type == DType.F32 && !cutsFloats;
    int share = floats ? 16 * (cut.side * Float.BYTES + 16) : cut.side * 80;
    Grid grid =
        new Grid(
            cut.tiles,
            shape.batch(),
            cut.parts,
            floats ? FLOAT_THREADS : THREADS,
            1,
            2 * share * (floats ? FLOAT_STAGES : STAGES));
    boolean vectors =
        CudaGemv.startsAtSixteen(product.a()) && CudaGemv.startsAtSixteen(product.b());
    Map<String, String> form = new HashMap<>();
    form.put("T", type == DType.F32 && cutsFloats ? "tf32" : Vectors.type(type));
    form.put("O", Vectors.type(target.view.type()));
    form.put("SIDE", String.valueOf(cut.side));
    form.put("A", product.a().transposed() ? "m" : "k");
    form.put("B", product.b().transposed() ? "k" : "n");
    form.put("VECTORS", vectors ? "1" : "0");
    form.put("ADD", target.add ? "1" : "0");
    Arguments arguments =
        new Arguments().matrix(target.view).wide(target.batchStride).wide(target.partStride);
    operand(arguments, product.a());
    operand(arguments, product.b());
    arguments.pointer(bias).number(shape.m()).number(shape.n()).number(shape.k()).number(cut.part);
    launcher.launch(new Kernel(new PtxSource("matmul", form), "matmul"), grid, arguments);
  }

  private static void operand(Arguments arguments, Operand operand) {
    arguments.matrix(operand.view()).wide(operand.batchStride());
  }

  /**
   * Brings sums of parts, and the bias, to a product's result.
   *
   * @param product the product
   * @param sums each part a dense [batch, m, n]
   * @param count how many parts, from 0
   */
  void fold(Product product, @Nullable View sums, int count) {
    Shape shape = product.shape();
    View out = product.out().view();
    boolean adds = product.out().add() || count == 0;
    Arguments arguments =
        new Arguments()
            .matrix(out)
            .wide(product.outBatchStride())
            .pointer(sums)
            .wide((long) shape.batch() * shape.m() * shape.n())
            .pointer(product.bias())
            .number(count)
            .number(shape.m())
            .number(shape.n());
    String name = "fold_" + Vectors.type(out.type()) + (adds ? "_1" : "_0");
    Grid grid = Grid.over(shape.m(), shape.n()).layers(shape.batch());
    launcher.launch(new Kernel("matmul_aid", name), grid, arguments);
  }
}
