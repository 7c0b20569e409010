package io.github.mamba4j.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a JVM computes before vectors are compiled has the bits of what it computes after. */
@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class ArrayKernelsTest {
  private final WorkerPool pool = new WorkerPool(2);
  private final Random random = new Random(7);
  private final KernelSet vectors = VectorKernels.create(pool);

  @AfterEach
  void close() {
    pool.close();
  }

  private static View zeros(long rows, int columns) {
    // An element more a row: rows are not all there is.
    MemorySegment memory = Arena.ofAuto().allocate(rows * (columns + 1) * Float.BYTES, 64);
    return new View(new CpuStorage(memory), DType.F32, 0, columns + 1L);
  }

  private View numbers(long rows, int columns, float scale) {
    View view = zeros(rows, columns);
    MemorySegment memory = CpuStorage.of(view);
    for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() * scale);
    }
    return view;
  }

  private View weights(int rows, int columns, DType type) {
    if (type == DType.F32) {
      return numbers(rows, columns, 1);
    }
    MemorySegment memory = Arena.ofAuto().allocate(type.bytes((long) rows * columns), 64);
    for (long at = 0; at < memory.byteSize(); at++) {
      memory.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt());
    }
    if (type == DType.INT8) {
      for (long at = 0; at < memory.byteSize(); at += type.blockBytes()) {
        memory.set(CpuStorage.SHORT, at, Float.floatToFloat16(random.nextFloat() - 0.5f));
      }
    } else {
      // No infinities and NaN: their payloads may differ.
      for (long at = 1; at < memory.byteSize(); at += 2) {
        memory.set(
            ValueLayout.JAVA_BYTE, at, (byte) (memory.get(ValueLayout.JAVA_BYTE, at) & 0xbf));
      }
    }
    return new View(new CpuStorage(memory), type, 0, columns);
  }

  private static View copy(View view) {
    MemorySegment from = CpuStorage.of(view);
    MemorySegment to = Arena.ofAuto().allocate(from.byteSize(), 64);
    MemorySegment.copy(from, 0, to, 0, from.byteSize());
    return new View(new CpuStorage(to), view.type(), view.offset(), view.stride());
  }

  private static void assertSame(String what, View actual, View expected) {
    int[] bits = CpuStorage.of(actual).toArray(ValueLayout.JAVA_INT);
    assertThat(bits).as(what).isEqualTo(CpuStorage.of(expected).toArray(ValueLayout.JAVA_INT));
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "F16", "INT8"})
  void matmul_fewRows_hasTheBitsOfVectors(DType type) {
    int[] lengths = type == DType.INT8 ? new int[] {32, 96, 256} : new int[] {7, 48, 67, 256};
    for (int k : lengths) {
      for (int m : new int[] {1, 2, 5, 16}) {
        for (int n : new int[] {1, 13, 40}) {
          for (boolean add : new boolean[] {false, true}) {
            multiply(m, n, k, type, add);
          }
        }
      }
    }
  }

  private void multiply(int m, int n, int k, DType type, boolean add) {
    View a = numbers(m, k, 1);
    View b = weights(n, k, type);
    View bias = add ? numbers(1, n, 1) : null;
    View expected = numbers(m, n, 1);
    View actual = copy(expected);
    MatmulKernels.Shape shape = new MatmulKernels.Shape(1, m, n, k);
    MatmulKernels.Operand left = new MatmulKernels.Operand(a, false, 0);
    MatmulKernels.Operand right = new MatmulKernels.Operand(b, true, 0);
    vectors
        .matmul()
        .matmul(new MatmulKernels.Product(shape, left, right, new Sink(expected, add), 0, bias));
    new ScalarMatmul(pool)
        .matmul(new MatmulKernels.Product(shape, left, right, new Sink(actual, add), 0, bias));
    assertSame(type + " " + shape + " " + add, actual, expected);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 6, 16, 70})
  void scan_anyLength_hasTheBitsOfVectors(int length) {
    for (int channels : new int[] {8, 40, 256}) {
      for (int states : new int[] {3, 16}) {
        for (float scale : new float[] {1, 100}) {
          scan(
              new ScanKernels.Shape(
                  1, length, channels, states, ScanKernels.Discretization.EULER, true),
              scale);
        }
      }
    }
  }

  private void scan(ScanKernels.Shape shape, float scale) {
    int channels = shape.dInner();
    View a = numbers(shape.dState(), channels, 1);
    for (long i = 0; i < CpuStorage.of(a).byteSize() / 4; i++) {
      CpuStorage.set(CpuStorage.of(a), i, -Math.abs(CpuStorage.get(CpuStorage.of(a), i)));
    }
    View before = numbers(shape.dState(), channels, 1);
    ScanKernels.Inputs inputs =
        new ScanKernels.Inputs(
            numbers(shape.length(), channels, 1),
            numbers(shape.length(), channels, scale),
            a,
            numbers(shape.length(), shape.dState(), 1),
            numbers(shape.length(), shape.dState(), 1),
            numbers(1, channels, 1),
            numbers(shape.length(), channels, scale),
            numbers(1, channels, 1),
            before);
    View[] outs = {zeros(shape.length(), channels), zeros(shape.length(), channels)};
    View[] states = {zeros(shape.dState(), channels), zeros(shape.dState(), channels)};
    View room = zeros(1, (int) ScanForward.workspaceFloats(shape) + 1);
    vectors.scan().forward(new ScanKernels.Forward(shape, inputs, outs[0], states[0], null, room));
    ScanKernels.Forward scan =
        new ScanKernels.Forward(shape, inputs, outs[1], states[1], null, room);
    if (ScanStep.fits(scan)) {
      new ScanStep(pool, new ArrayStepLoops()).run(scan);
    } else {
      new ScanForward(pool, new ArrayScanLoops()).run(scan);
    }
    assertSame("out of " + shape, outs[1], outs[0]);
    assertSame("state of " + shape, states[1], states[0]);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 70})
  void convolution_anyLength_hasTheBitsOfVectors(int length) {
    for (int channels : new int[] {5, 40, 600}) {
      for (int width : new int[] {2, 4}) {
        ConvKernels.Shape shape = new ConvKernels.Shape(1, length, channels, width, true);
        ConvKernels.Inputs inputs =
            new ConvKernels.Inputs(
                numbers(length, channels, 1),
                numbers(width, channels, 1),
                numbers(1, channels, 1),
                numbers(width - 1, channels, 1));
        View[] outs = {zeros(length, channels), zeros(length, channels)};
        View[] states = {zeros(width - 1, channels), zeros(width - 1, channels)};
        vectors.conv().forward(new ConvKernels.Forward(shape, inputs, outs[0], states[0]));
        new ArrayConv(pool).forward(new ConvKernels.Forward(shape, inputs, outs[1], states[1]));
        assertSame("out of " + shape, outs[1], outs[0]);
        assertSame("state of " + shape, states[1], states[0]);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 64, 77, 768})
  void norm_anyWidth_hasTheBitsOfVectors(int width) {
    View x = numbers(3, width, 1);
    View residual = numbers(3, width, 1);
    View weight = numbers(1, width, 1);
    View[] outs = {zeros(3, width), zeros(3, width)};
    View[] sums = {zeros(3, width), zeros(3, width)};
    NormKernels[] kernels = {vectors.norm(), new ArrayNorm(pool)};
    for (int i = 0; i < 2; i++) {
      kernels[i].forward(
          new NormKernels.Forward(3, width, 1e-5f, x, residual, weight, outs[i], sums[i], null));
    }
    assertSame("out", outs[1], outs[0]);
    assertSame("sum", sums[1], sums[0]);
  }

  @Test
  void elementwise_whatAFirstTokenNeeds_hasTheBitsOfVectors() {
    ElementwiseKernels[] kernels = {
      vectors.elementwise(), new ScalarElementwise(pool, new ArrayRows())
    };
    View x = numbers(70, 37, 1);
    View y = numbers(70, 37, 1);
    View[] turned = {zeros(37, 70), zeros(37, 70)};
    View[] decays = {zeros(37, 70), zeros(37, 70)};
    View[] sums = {numbers(70, 37, 1), null};
    sums[1] = copy(sums[0]);
    View[] products = {zeros(70, 37), zeros(70, 37)};
    for (int i = 0; i < 2; i++) {
      Sink to = new Sink(turned[i], false);
      kernels[i].transpose(new ElementwiseKernels.Transpose(70, 37, x, to));
      kernels[i].decay(new ElementwiseKernels.Decay(70, 37, x, new Sink(decays[i], false)));
      Sink sum = new Sink(sums[i], true);
      kernels[i].scale(new ElementwiseKernels.Scale(70, 37, 0.3f, null, x, sum));
      kernels[i].combine(
          new ElementwiseKernels.Combine(
              ElementwiseKernels.Binary.MULTIPLY, 70, 37, x, y, new Sink(products[i], false)));
      kernels[i].fill(sums[i], 1, 37, -0f);
    }
    assertSame("transposed", turned[1], turned[0]);
    assertSame("decays", decays[1], decays[0]);
    assertSame("sums", sums[1], sums[0]);
    assertSame("products", products[1], products[0]);
  }

  @Test
  void startKernels_afterTheFirstRead_changeToVectorsOfTheSameBits() {
    StartKernels start = new StartKernels(pool, new StartKernels.Change());
    assertThat(start.name()).isEqualTo(vectors.name());
    View a = numbers(1, 256, 1);
    View b = numbers(8, 256, 1);
    View expected = zeros(1, 8);
    vectors.matmul().matmul(product(a, b, expected));
    for (boolean changed : new boolean[] {false, true}) {
      View actual = zeros(1, 8);
      start.matmul().matmul(product(a, b, actual));
      assertThat(start.usesVectors()).isEqualTo(changed);
      assertSame("product", actual, expected);
      start.afterRead();
    }
  }

  @Test
  void startKernels_manyKernelsWithoutARead_changeToVectors() {
    StartKernels start = new StartKernels(pool, new StartKernels.Change());
    View out = zeros(1, 8);
    MatmulKernels.Product product = product(numbers(1, 256, 1), numbers(8, 256, 1), out);
    for (int i = 1; i < StartKernels.MANY_KERNELS; i++) {
      start.matmul().matmul(product);
      assertThat(start.usesVectors()).isFalse();
    }
    start.matmul().matmul(product);
    assertThat(start.usesVectors()).isTrue();
  }

  @Test
  void startKernels_aKernelOfTraining_changesToVectors() {
    StartKernels start = new StartKernels(pool, new StartKernels.Change());
    assertThat(start.loss()).isNotNull();
    assertThat(start.usesVectors()).isTrue();
  }

  private static MatmulKernels.Product product(View a, View b, View out) {
    return new MatmulKernels.Product(
        new MatmulKernels.Shape(1, 1, 8, 256),
        new MatmulKernels.Operand(a, false, 0),
        new MatmulKernels.Operand(b, true, 0),
        new Sink(out, false),
        0,
        null);
  }
}
