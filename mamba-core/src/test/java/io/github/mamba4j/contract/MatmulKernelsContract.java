package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every implementation of {@link MatmulKernels} has to do.
 *
 * <p>Most cases use small whole numbers: their products and sums are exact in 32-bit floats in any
 * order, so the result has to equal the plain triple loop to the last bit.
 */
@Tag("kernels")
public abstract class MatmulKernelsContract extends KernelsContract<MatmulKernels> {
  @Override
  final MatmulKernels kernels(Backend backend) {
    return backend.matmul();
  }

  private static final float GAP = 7777;

  /** Returns the widths and depths that are combined. */
  protected int[] sizes() {
    return new int[] {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 19, 35, 53, 67};
  }

  /**
   * Returns whether a case is run; where kernels are emulated, large ones would take too long.
   *
   * @param products how many pairs of elements are multiplied in all
   */
  protected boolean affords(long products) {
    return true;
  }

  /**
   * Returns the numbers of rows whose results are compared with those of the most rows.
   *
   * @param fewest the fewest rows
   * @param most the most rows
   */
  protected int[] rowCounts(int fewest, int most) {
    return IntStream.range(fewest, most).toArray();
  }

  /** Returns whether rows are alike above {@link MatmulKernels#batchInvariantRows}, too. */
  protected boolean manyRowsAreAlike() {
    return true;
  }

  private void assumeAffordable(long cases, long... sizes) {
    long products = LongStream.of(sizes).reduce(cases, (a, b) -> a * b);
    assumeTrue(affords(products), () -> products + " products take too long here");
  }

  private Arena arena = Arena.ofConfined();
  private SplittableRandom numbers = new SplittableRandom(1);

  @BeforeEach
  void open() {
    arena = Arena.ofShared();
    numbers = new SplittableRandom(20);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** One product with its memory; gaps between rows and matrices are kept apart from the data. */
  private final class Case {
    final int batch;
    final int m;
    final int n;
    final int k;
    boolean aTransposed;
    boolean bTransposed;
    boolean add;
    boolean bias;
    boolean oneA;
    boolean oneB;
    int gap;
    DType bType = DType.F32;

    Case(int batch, int m, int n, int k) {
      this.batch = batch;
      this.m = m;
      this.n = n;
      this.k = k;
    }

    void check(Backend backend) {
      assertSame(run(backend, true), expected, toString());
    }

    private float[] expected = new float[0];

    float[] run(Backend backend, boolean whole) {
      MatmulKernels.Operand a =
          operand(oneA, aTransposed ? k : m, aTransposed ? m : k, whole, aTransposed, DType.F32);
      MatmulKernels.Operand b =
          operand(oneB, bTransposed ? n : k, bTransposed ? k : n, whole, bTransposed, bType);
      View biasView = bias ? operand(true, 1, n, whole, false, DType.F32).view() : null;
      long stride = (long) n + gap;
      long batchStride = stride * m + gap;
      MemorySegment out = arena.allocate((batchStride * batch + 3) * Float.BYTES, 64);
      for (long i = 0; i < batchStride * batch + 3; i++) {
        TestMemory.set(out, i, GAP);
      }
      for (int item = 0; item < batch; item++) {
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < n; j++) {
            float before = add ? numbers.nextInt(-8, 9) : Float.NaN;
            TestMemory.set(out, 3 + item * batchStride + i * stride + j, before);
          }
        }
      }
      expected = floats(out);
      for (int item = 0; item < batch; item++) {
        double[] left = dense(a, item, m, k);
        double[] right = dense(b, item, k, n);
        for (int i = 0; i < m; i++) {
          reference(left, right, i, Math.toIntExact(3 + item * batchStride + i * stride), biasView);
        }
      }
      View to = new View(TestMemory.storage(out), DType.F32, 3, stride);
      kernels(backend)
          .matmul(
              new MatmulKernels.Product(
                  new MatmulKernels.Shape(batch, m, n, k),
                  a,
                  b,
                  new Sink(to, add),
                  batchStride,
                  biasView));
      return floats(out);
    }

    private void reference(double[] left, double[] right, int row, int at, @Nullable View bias) {
      double[] sums = new double[n];
      for (int p = 0; p < k; p++) {
        double x = left[row * k + p];
        for (int j = 0; j < n; j++) {
          sums[j] += x * right[p * n + j];
        }
      }
      for (int j = 0; j < n; j++) {
        double before = add ? expected[at + j] : 0;
        expected[at + j] = (float) (before + sums[j] + (bias == null ? 0 : get(bias, j)));
      }
    }

    private MatmulKernels.Operand operand(
        boolean one, int rows, int columns, boolean whole, boolean transposed, DType type) {
      // Blocks start where the number of elements before is a multiple of their size.
      int block = type.blockElements();
      long first = Math.ceilDiv(5L, block) * block;
      long stride = columns + (long) gap * block;
      long batchStride = one ? 0 : stride * rows + (long) gap * block;
      long count = first + stride * rows + batchStride * (batch - 1);
      MemorySegment memory = arena.allocate(type.bytes(count), 64);
      for (long i = 0; i < count; i++) {
        float value = whole ? numbers.nextInt(-4, 5) : (float) numbers.nextDouble(-1, 1);
        put(memory, type, i, value);
      }
      View view = new View(TestMemory.storage(memory), type, first, stride);
      return new MatmulKernels.Operand(view, transposed, batchStride);
    }

    /** Stores an element; a block's scale is a power of two that depends on its place. */
    private void put(MemorySegment memory, DType type, long i, float value) {
      switch (type) {
        case BF16 -> {
          short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
          memory.set(ValueLayout.JAVA_SHORT, i * 2, bits);
        }
        case F16 -> memory.set(ValueLayout.JAVA_SHORT, i * 2, Float.floatToFloat16(value));
        case INT8 -> {
          long block = type.bytes(i / 32 * 32);
          float scale = value == Math.rint(value) ? 1 << i / 32 % 3 : 0.0123f;
          memory.set(TestMemory.SHORT, block, Float.floatToFloat16(scale));
          int q = value == Math.rint(value) ? (int) value : Math.round(value * 127);
          memory.set(ValueLayout.JAVA_BYTE, block + 2 + i % 32, (byte) q);
        }
        default -> TestMemory.set(memory, i, value);
      }
    }

    @Override
    public String toString() {
      return "[%d x %d x %d x %d] aT %b bT %b add %b bias %b gap %d %s"
          .formatted(batch, m, n, k, aTransposed, bTransposed, add, bias, gap, bType);
    }
  }

  /** Returns one matrix of an operand without gaps and not transposed. */
  private static double[] dense(MatmulKernels.Operand operand, int item, int rows, int columns) {
    View view = operand.view().plus(item * operand.batchStride());
    double[] values = new double[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long row = operand.transposed() ? j : i;
        long column = operand.transposed() ? i : j;
        values[i * columns + j] = get(view, row * view.stride() + column);
      }
    }
    return values;
  }

  private static float get(View view, long index) {
    MemorySegment memory = TestMemory.host(view);
    long at = view.offset() + index;
    return switch (view.type()) {
      case BF16 -> Float.intBitsToFloat(memory.get(ValueLayout.JAVA_SHORT, at * 2) << 16);
      case F16 -> Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, at * 2));
      case INT8 -> {
        long block = at / 32 * 34;
        float scale = Float.float16ToFloat(memory.get(TestMemory.SHORT, block));
        yield scale * memory.get(ValueLayout.JAVA_BYTE, block + 2 + at % 32);
      }
      default -> TestMemory.get(memory, at);
    };
  }

  private static void assertSame(float[] actual, float[] expected, String what) {
    int at = Arrays.mismatch(actual, expected);
    assertThat(at)
        .as("%s: index %d: %s", what, at, at < 0 ? "" : actual[at] + " for " + expected[at])
        .isNegative();
  }

  private static float[] floats(MemorySegment memory) {
    return memory.toArray(TestMemory.FLOAT);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 6, 17, 35, 101})
  void matmul_anyWidthAndDepth_equalsTheTripleLoop(int m) {
    try (Backend backend = open(2)) {
      for (int n : sizes()) {
        for (int k : sizes()) {
          Case c = new Case(1, m, n, k);
          int bits = numbers.nextInt(16);
          c.aTransposed = (bits & 1) != 0;
          c.bTransposed = (bits & 2) != 0;
          c.add = (bits & 4) != 0;
          c.bias = (bits & 8) != 0;
          c.gap = numbers.nextInt(3) * 7;
          c.check(backend);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"7, 53, 97", "1, 48, 257", "13, 80, 300", "100, 130, 33", "3, 1100, 24"})
  void matmul_everyCombination_equalsTheTripleLoop(int m, int n, int k) {
    assumeAffordable(64, m, n, k);
    try (Backend backend = open(2)) {
      for (int bits = 0; bits < 64; bits++) {
        Case c = new Case(1, m, n, k);
        c.aTransposed = (bits & 1) != 0;
        c.bTransposed = (bits & 2) != 0;
        c.add = (bits & 4) != 0;
        c.bias = (bits & 8) != 0;
        c.gap = (bits & 16) != 0 ? 11 : 0;
        c.bType = (bits & 32) != 0 ? DType.BF16 : DType.F32;
        c.check(backend);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "256, 1024, 256",
    "128, 256, 512",
    "64, 48, 1536",
    "64, 512, 16",
    "48, 512, 2048",
    "5, 2500, 64",
    "40, 3001, 211",
    "23, 129, 2099",
    "7, 1500, 1500"
  })
  void matmul_modelWidths_equalsTheTripleLoop(int m, int n, int k) {
    assumeAffordable(4, m, n, k);
    try (Backend backend = open(2)) {
      for (int bits = 0; bits < 4; bits++) {
        Case c = new Case(1, m, n, k);
        c.aTransposed = (bits & 1) != 0;
        c.bTransposed = (bits & 2) != 0;
        c.add = bits == 1;
        c.bias = bits != 2;
        c.check(backend);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3, 5, 9, 4",
    "9, 16, 16, 16",
    "40, 33, 65, 129",
    "5, 20, 200, 150",
    "2, 9, 2600, 233"
  })
  void matmul_batch_equalsTheTripleLoop(int batch, int m, int n, int k) {
    assumeAffordable(32, batch, m, n, k);
    try (Backend backend = open(2)) {
      for (int bits = 0; bits < 32; bits++) {
        Case c = new Case(batch, m, n, k);
        c.aTransposed = (bits & 1) != 0;
        c.bTransposed = (bits & 2) != 0;
        c.oneA = (bits & 4) != 0;
        c.oneB = (bits & 8) != 0;
        c.add = (bits & 16) != 0;
        c.bias = (bits & 5) != 0;
        c.gap = bits % 3;
        c.check(backend);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 33, 70", "4, 100, 64", "16, 37, 35", "20, 50, 129", "2, 9, 3", "17, 70, 1100"})
  void matmul_sixteenBitWeights_areWidened(int m, int n, int k) {
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      checkNarrow(type, m, n, k);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 33, 96", "3, 100, 64", "16, 37, 32", "20, 50, 160", "17, 70, 1056"})
  void matmul_blocksOfEightBitIntegers_areWidened(int m, int n, int k) {
    checkNarrow(DType.INT8, m, n, k);
  }

  private void checkNarrow(DType type, int m, int n, int k) {
    assumeAffordable(8, m, n, k);
    try (Backend backend = open(2)) {
      for (int bits = 0; bits < 4; bits++) {
        Case c = new Case(2, m, n, k);
        c.bTransposed = (bits & 1) == 0;
        if (!c.bTransposed && n % type.blockElements() != 0) {
          continue;
        }
        c.bType = type;
        c.add = (bits & 2) != 0;
        c.bias = bits == 3;
        c.gap = 1;
        c.check(backend);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 300, 768", "8, 700, 520", "200, 300, 700", "100, 70, 1000"})
  void matmul_realNumbers_errorStaysWithinTheBoundOfASum(int m, int n, int k) {
    assumeAffordable(4, m, n, k);
    try (Backend backend = open(2)) {
      for (int bits = 0; bits < 4; bits++) {
        Case c = new Case(1, m, n, k);
        c.aTransposed = (bits & 1) != 0;
        c.bTransposed = (bits & 2) != 0;
        float[] actual = c.run(backend, false);
        // Elements are below 1, so a sum of k products is off by k roundings of at most k each;
        // their typical size is far less: the square root of k for both.
        float tolerance = k * 1.2e-7f;
        float worst = 0;
        for (int i = 0; i < actual.length; i++) {
          worst = Math.max(worst, Math.abs(actual[i] - c.expected[i]));
        }
        assertThat(worst).as("%s", c).isLessThan(tolerance);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1000, 769", "9, 1500, 300", "130, 150, 1100", "64, 2000, 90"})
  void matmul_anyNumberOfThreads_givesTheSameBits(int m, int n, int k) {
    assumeAffordable(48, m, n, k);
    for (int bits = 0; bits < 8; bits++) {
      float[] one = withThreads(1, m, n, k, bits);
      assertSame(withThreads(2, m, n, k, bits), one, "2 threads");
      assertSame(withThreads(3, m, n, k, bits), one, "3 threads");
    }
  }

  private float[] withThreads(int threads, int m, int n, int k, int bits) {
    numbers = new SplittableRandom(bits);
    Case c = new Case(2, m, n, k);
    c.aTransposed = (bits & 1) != 0;
    c.bTransposed = (bits & 2) != 0;
    c.add = (bits & 4) != 0;
    try (Backend backend = open(threads)) {
      return c.run(backend, false);
    }
  }

  /** Sequences that are decoded together get what each gets alone. */
  @ParameterizedTest
  @CsvSource({
    "F32, 37, 45",
    "F32, 64, 16",
    "F32, 130, 1030",
    "F32, 9, 7",
    "BF16, 37, 45",
    "BF16, 70, 416",
    "F16, 37, 45",
    "INT8, 70, 416"
  })
  void transposedRightFactor_anyNumberOfRows_givesEachRowItsBits(DType type, int n, int k) {
    try (Backend backend = open(2)) {
      int few = kernels(backend).batchInvariantRows();
      assertThat(few).isPositive();
      assumeAffordable(few, n, k, rowCounts(1, few).length);
      assertRowsAreAlike(backend, new Case(1, few, n, k), type, 1);
      if (manyRowsAreAlike()) {
        assertRowsAreAlike(backend, new Case(1, few + 30, n, k), type, few + 1);
      }
    }
  }

  private void assertRowsAreAlike(Backend backend, Case c, DType type, int fewest) {
    int most = c.m;
    int n = c.n;
    int k = c.k;
    MatmulKernels.Operand a = c.operand(true, most, k, false, false, DType.F32);
    MatmulKernels.Operand b = c.operand(true, n, k, false, true, type);
    View bias = c.operand(true, 1, n, false, false, DType.F32).view();
    float[] all = new float[0];
    int[] rowCounts = rowCounts(fewest, most);
    for (int i = rowCounts.length; i >= 0; i--) {
      int m = i == rowCounts.length ? most : rowCounts[i];
      MemorySegment out = arena.allocate((long) m * n * Float.BYTES, 64);
      Sink sink = new Sink(new View(TestMemory.storage(out), DType.F32, 0, n), false);
      MatmulKernels.Shape shape = new MatmulKernels.Shape(1, m, n, k);
      kernels(backend).matmul(new MatmulKernels.Product(shape, a, b, sink, 0, bias));
      all = m == most ? floats(out) : all;
      assertThat(floats(out)).as(m + " rows").isEqualTo(Arrays.copyOf(all, m * n));
    }
  }

  @Test
  void matmul_infinityInTheRightFactor_staysInItsColumn() {
    try (Backend backend = open(1)) {
      for (int m : new int[] {2, 30}) {
        MemorySegment ones = arena.allocate(30 * 20 * 4, 64);
        MemorySegment right = arena.allocate(20 * 20 * 4, 64);
        MemorySegment out = arena.allocate(30 * 20 * 4, 64);
        for (int i = 0; i < 30 * 20; i++) {
          TestMemory.set(ones, i, 1);
        }
        TestMemory.set(right, 7 * 20 + 3, Float.POSITIVE_INFINITY);
        kernels(backend)
            .matmul(
                new MatmulKernels.Product(
                    new MatmulKernels.Shape(1, m, 20, 20),
                    new MatmulKernels.Operand(
                        new View(TestMemory.storage(ones), DType.F32, 0, 20), false, 0),
                    new MatmulKernels.Operand(
                        new View(TestMemory.storage(right), DType.F32, 0, 20), true, 0),
                    new Sink(new View(TestMemory.storage(out), DType.F32, 0, 20), false),
                    0,
                    null));
        for (int i = 0; i < m * 20; i++) {
          assertThat(TestMemory.get(out, i)).isEqualTo(i % 20 == 7 ? Float.POSITIVE_INFINITY : 0);
        }
      }
    }
  }
}
