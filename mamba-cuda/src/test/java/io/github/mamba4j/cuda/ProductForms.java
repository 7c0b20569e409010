package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.MatmulKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Products of all types, aligned and not, by every kernel. */
abstract class ProductForms {
  private final Arena arena = Arena.ofShared();
  private final SplittableRandom random = new SplittableRandom(3);
  TestGpu gpu = new EmulatedGpu();

  /** Opens a GPU. */
  abstract TestGpu open();

  @BeforeEach
  final void openGpu() {
    TestGpu opened = open();
    gpu.close();
    gpu = opened;
  }

  @AfterEach
  final void close() {
    gpu.close();
    arena.close();
  }

  private static float get(View view, MemorySegment memory, long index) {
    long at = view.offset() + index;
    return switch (view.type()) {
      case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, at);
      case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, at) << 16);
      case F16 -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, at));
      default -> {
        long block = at / 32 * 34;
        float scale = Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, block));
        yield scale * memory.get(ValueLayout.JAVA_BYTE, block + 2 + at % 32);
      }
    };
  }

  private void fill(DType type, MemorySegment memory, long count) {
    for (long i = 0; i < count; i++) {
      float value = (float) random.nextDouble(-1, 1);
      switch (type) {
        case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        case BF16 -> {
          short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
          memory.setAtIndex(ValueLayout.JAVA_SHORT, i, bits);
        }
        case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
        default -> {
          long block = i / 32 * 34;
          float scale = 0.01f * (1 + i / 32 % 5);
          memory.set(ValueLayout.JAVA_SHORT, block, Float.floatToFloat16(scale));
          memory.set(ValueLayout.JAVA_BYTE, block + 2 + i % 32, (byte) Math.round(127 * value));
        }
      }
    }
  }

  /** An operand and its memory. */
  record Factor(Operand operand, MemorySegment memory) {
    float at(int item, int row, int column) {
      View view = operand.view();
      long line = operand.transposed() ? column : row;
      long place = operand.transposed() ? row : column;
      return get(view, memory, item * operand.batchStride() + line * view.stride() + place);
    }
  }

  /** With a gap, neither rows nor matrices start at multiples of 16 bytes. */
  private Factor factor(DType type, int batch, int rows, int cols, boolean transposed, int gap) {
    int lines = transposed ? cols : rows;
    long block = type.blockElements();
    long stride = (transposed ? rows : cols) + gap * block;
    long batchStride = stride * lines + gap * block;
    long count = gap * block + batchStride * batch;
    MemorySegment memory = arena.allocate(type.bytes(count), 64);
    fill(type, memory, count);
    View view = new View(gpu.share(memory), type, gap * block, stride);
    return new Factor(new Operand(view, transposed, batchStride), memory);
  }

  /** What a product is made of; the types are those of a, b and the result. */
  final class Case {
    final Shape shape;
    final Factor a;
    final Factor b;
    final Factor out;
    final MemorySegment before;
    final Factor bias;
    final Product product;

    Case(Shape shape, String types, String transposed, int gap, boolean add) {
      this.shape = shape;
      String[] type = types.split(" ", -1);
      int batch = shape.batch();
      a =
          factor(
              DType.valueOf(type[0]), batch, shape.m(), shape.k(), transposed.contains("a"), gap);
      b =
          factor(
              DType.valueOf(type[1]), batch, shape.k(), shape.n(), transposed.contains("b"), gap);
      out = factor(DType.valueOf(type[2]), batch, shape.m(), shape.n(), false, gap);
      bias = factor(DType.F32, 1, 1, shape.n(), false, gap);
      before = arena.allocate(out.memory.byteSize(), 64).copyFrom(out.memory);
      product =
          new Product(
              shape,
              a.operand,
              b.operand,
              new Sink(out.operand.view(), add),
              out.operand.batchStride(),
              bias.operand.view());
    }

    /** Returns the product of the first rows. */
    Product ofRows(int m) {
      Shape some = new Shape(1, m, shape.n(), shape.k());
      return new Product(some, a.operand, b.operand, product.out(), 0, product.bias());
    }

    /** Asserts that the result is right and what lies between its rows untouched. */
    void check() {
      check(1e-4);
    }

    /** The same; results of floats are this near. */
    void check(double tolerance) {
      View view = out.operand.view();
      Factor old = new Factor(out.operand, before);
      for (int item = 0; item < shape.batch(); item++) {
        for (int row = 0; row < shape.m(); row++) {
          for (int column = 0; column < shape.n(); column++) {
            double sum = bias.at(0, 0, column);
            sum += product.out().add() ? old.at(item, row, column) : 0;
            // A library's result is rounded before the bias comes to it.
            double size = 1 + Math.abs(sum);
            for (int i = 0; i < shape.k(); i++) {
              sum += (double) a.at(item, row, i) * b.at(item, i, column);
            }
            double near = view.type() == DType.BF16 ? (size + Math.abs(sum)) / 100 : tolerance;
            assertThat((double) out.at(item, row, column))
                .as("%d, %d", row, column)
                .isCloseTo(sum, within(near));
          }
        }
      }
      long bytes = view.type().bytes(1);
      for (long i = 0; i < out.memory.byteSize() / bytes; i++) {
        long place = (i - view.offset()) % out.operand.batchStride();
        boolean inside = place >= 0 && place / view.stride() < shape.m();
        if (!inside || place % view.stride() >= shape.n()) {
          long from = i * bytes;
          assertThat(out.memory.asSlice(from, bytes).mismatch(before.asSlice(from, bytes)))
              .as("element %d", i)
              .isEqualTo(-1);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 33, 128, F32 F32 F32, 0",
    "3, 50, 200, F32 F32 F32, 0",
    "6, 33, 72, F32 F32 BF16, 0",
    "17, 40, 136, F32 F32 F32, 0",
    "2, 20, 128, BF16 F32 F32, 0",
    "1, 33, 136, F32 BF16 F32, 0",
    "13, 40, 72, F32 BF16 F32, 0",
    "64, 20, 264, F32 BF16 F32, 0",
    "7, 40, 71, F32 BF16 F32, 1",
    "2, 33, 1160, BF16 BF16 BF16, 0",
    "9, 33, 136, BF16 F16 BF16, 0",
    "5, 33, 40, F32 F16 F32, 3",
    "1, 33, 256, F32 INT8 F32, 0",
    "2, 40, 2336, F32 INT8 F32, 0",
    "12, 33, 512, BF16 INT8 F32, 0",
    "9, 33, 96, F32 INT8 F32, 1"
  })
  void fewRows_everyForm_isTheProduct(int m, int n, int k, String types, int gap) {
    for (boolean add : new boolean[] {false, true}) {
      Case c = new Case(new Shape(2, m, n, k), types, "b", gap, add);
      new CudaGemv(gpu).launch(c.product);
      c.check();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "BF16", "F16", "INT8"})
  void fewRows_ofAlignedMemory_haveTheBitsOfOneRow(String weights) {
    Case most = new Case(new Shape(1, 64, 20, 1056), "F32 " + weights + " F32", "b", 0, false);
    new CudaGemv(gpu).launch(most.product);
    float[] all = most.out.memory.toArray(ValueLayout.JAVA_FLOAT);
    for (int m : new int[] {1, 3, 4, 5, 8, 9, 40}) {
      most.out.memory.fill((byte) 0);
      new CudaGemv(gpu).launch(most.ofRows(m));
      float[] few = most.out.memory.asSlice(0, 80L * m).toArray(ValueLayout.JAVA_FLOAT);
      assertThat(few).as("%d rows", m).isEqualTo(Arrays.copyOf(all, 20 * m));
    }
  }

  @Test
  void fewRows_ofHalves_areTheProductWithTheBitsOfOneRow() {
    Case most = new Case(new Shape(1, 64, 84, 544), "BF16 BF16 F32", "b", 0, false);
    new CudaGemv(gpu).launch(most.product);
    most.check();
    float[] all = most.out.memory.toArray(ValueLayout.JAVA_FLOAT);
    for (int m : new int[] {1, 7, 20}) {
      most.out.memory.fill((byte) 0);
      new CudaGemv(gpu).launch(most.ofRows(m));
      float[] few = most.out.memory.asSlice(0, 336L * m).toArray(ValueLayout.JAVA_FLOAT);
      assertThat(few).as("%d rows", m).isEqualTo(Arrays.copyOf(all, 84 * m));
    }
  }

  @ParameterizedTest
  @CsvSource({"4109, 72", "4096, 192"})
  void fewRows_ofHalvesAndAVocabulary_areTheProductWithTheBitsOfOneRow(int n, int k) {
    Case most = new Case(new Shape(1, 60, n, k), "BF16 BF16 F32", "b", 0, false);
    new CudaGemv(gpu).launch(most.product);
    most.check();
    float[] all = most.out.memory.toArray(ValueLayout.JAVA_FLOAT);
    for (int m : new int[] {1, 9}) {
      most.out.memory.fill((byte) 0);
      new CudaGemv(gpu).launch(most.ofRows(m));
      float[] few = most.out.memory.asSlice(0, 4L * n * m).toArray(ValueLayout.JAVA_FLOAT);
      assertThat(few).as("%d rows", m).isEqualTo(Arrays.copyOf(all, n * m));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32 F32 F32, 0, 128",
    "F32 F32 BF16, 1, 64",
    "F32 F32 F32, 1, 128",
    "BF16 BF16 F32, 0, 128",
    "BF16 BF16 BF16, 0, 64",
    "BF16 BF16 F32, 1, 64"
  })
  void tiles_everyForm_areTheProduct(String types, int gap, int side) {
    for (String transposed : new String[] {"none", "a-", "b", "ab"}) {
      String which = transposed.equals("none") ? "" : transposed;
      Case c = new Case(new Shape(1, 72, side + 8, 40), types, which, gap, which.length() == 1);
      int count = Math.ceilDiv(72, side) * Math.ceilDiv(side + 8, side);
      CudaTiles tiles = new CudaTiles(gpu, new Scratch(gpu::allocate), false);
      tiles.launch(c.product, new CudaTiles.Cut(side, count, 64, 1));
      c.check();
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 128", "1, 64"})
  void tiles_floatsThatMayLoseBits_areNearlyTheProduct(int gap, int side) {
    for (String transposed : new String[] {"none", "a-", "b", "ab"}) {
      String which = transposed.equals("none") ? "" : transposed;
      Case c = new Case(new Shape(1, 72, side + 8, 40), "F32 F32 F32", which, gap, true);
      int count = Math.ceilDiv(72, side) * Math.ceilDiv(side + 8, side);
      CudaTiles tiles = new CudaTiles(gpu, new Scratch(gpu::allocate), true);
      tiles.launch(c.product, new CudaTiles.Cut(side, count, 64, 1));
      // 40 products of numbers below 1, each off by up to 2^-11 a factor.
      c.check(5e-3);
    }
  }

  @ParameterizedTest
  @CsvSource({"F32 F32 F32, a", "BF16 BF16 BF16, a", "BF16 BF16 F32, n"})
  void tiles_partsOfDepth_addUp(String types, String transposed) {
    Case c = new Case(new Shape(2, 20, 30, 100), types, transposed, 0, true);
    CudaTiles tiles = new CudaTiles(gpu, new Scratch(gpu::allocate), false);
    tiles.launch(c.product, new CudaTiles.Cut(64, 1, 32, 4));
    c.check();
  }

  /**
   * Asserts that products of many rows are right.
   *
   * @param types those of a, b and the result
   * @param matmul computes them
   */
  final void checkManyRows(String types, CudaMatmul matmul) {
    for (String transposed : new String[] {"b", "n"}) {
      Case c = new Case(new Shape(2, 66, 32, 64), types, transposed, 1, transposed.equals("n"));
      matmul.matmul(c.product);
      c.check();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "F32 F32 F32",
        "F32 F32 BF16",
        "BF16 BF16 BF16",
        "F32 BF16 F32",
        "F32 F16 F32",
        "F32 INT8 F32",
        "BF16 INT8 BF16",
        "BF16 F32 F32"
      })
  void manyRows_everyCombinationOfTypes_isTheProduct(String types) {
    CudaMatmul matmul = new CudaMatmul(gpu, Optional::empty);
    checkManyRows(types, matmul);
    assertThat(matmul.name()).isEqualTo("ptx");
    matmul.close();
  }
}
