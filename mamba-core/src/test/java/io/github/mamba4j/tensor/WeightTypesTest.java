package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensors of every type that weights are kept in, and on memory of others. */
@Tag("kernels")
class WeightTypesTest {
  private static final int ROWS = 7;
  private static final int COLS = 64;

  private Device device;

  @BeforeEach
  void open() {
    device = TestDevice.open(2);
  }

  @AfterEach
  void close() {
    device.close();
  }

  /** Random weights of a type; what they stand for goes to {@code values}. */
  private static MemorySegment weights(Arena arena, DType type, float[] values) {
    Random random = new Random(3);
    MemorySegment memory = arena.allocate(type.bytes(values.length));
    for (int i = 0; i < values.length; i++) {
      int integer = random.nextInt(-127, 128);
      // Few enough bits for every type.
      values[i] = integer / 64f;
      switch (type) {
        case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
        case BF16 ->
            memory.setAtIndex(
                ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
        case F16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(values[i]));
        case INT8 -> {
          long block = i / 32 * 34L;
          memory.set(ValueLayout.JAVA_SHORT, block, Float.floatToFloat16(1 / 64f));
          memory.set(ValueLayout.JAVA_BYTE, block + 2 + i % 32, (byte) integer);
        }
        case I32 -> throw new AssertionError(type);
      }
    }
    return memory;
  }

  private static float[] numbers(int count) {
    Random random = new Random(5);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16", "INT8"})
  void weights_anyType_areReadWhereTheyLie(DType type) {
    float[] values = new float[ROWS * COLS];
    try (Scope scope = device.openScope();
        Arena arena = Arena.ofConfined()) {
      Shape shape = Shape.of(ROWS, COLS);
      MemorySegment memory = weights(arena, type, values);
      Tensor own = scope.empty(shape, type);
      own.write(memory);
      Tensor mapped = scope.map(shape, type, memory.asReadOnly());
      assertThat(own.isReadOnly()).isFalse();
      assertThat(mapped.isReadOnly()).isTrue();
      for (Tensor tensor : new Tensor[] {own, mapped}) {
        assertThat(tensor.toFloats()).containsExactly(values);
        assertThat(tensor.narrowRows(2, 3).toFloats())
            .containsExactly(Arrays.copyOfRange(values, 2 * COLS, 5 * COLS));
        assertThat(tensor.narrow(32, 32).select(1).reshape(Shape.of(1, 32)).toFloats())
            .containsExactly(Arrays.copyOfRange(values, COLS + 32, 2 * COLS));
        byte[] bytes = new byte[(int) memory.byteSize()];
        tensor.read(MemorySegment.ofArray(bytes));
        assertThat(MemorySegment.ofArray(bytes).mismatch(memory)).isEqualTo(-1);
      }
      memory.set(ValueLayout.JAVA_SHORT, 0, (short) 0);
      memory.set(ValueLayout.JAVA_SHORT, 2, (short) 0);
      assertThat(mapped.toFloats()[0]).isEqualTo(TestDevice.isCpu() ? 0 : values[0]);
      assertThat(own.toFloats()).containsExactly(values);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"BF16", "F16", "INT8"})
  void operations_reducedWeights_computeLikeTheirValues(DType type) {
    float[] values = new float[ROWS * COLS];
    try (Scope scope = device.openGradientScope();
        Arena arena = Arena.ofConfined()) {
      Tensor reduced = scope.map(Shape.of(ROWS, COLS), type, weights(arena, type, values));
      Tensor whole = scope.floats(Shape.of(ROWS, COLS), values);
      for (int batch : new int[] {1, 3, 40}) {
        float[] numbers = numbers(batch * COLS);
        int[] targets = new int[batch];
        for (int i = 0; i < batch; i++) {
          targets[i] = i * 5 % ROWS;
        }
        Tensor ids = scope.ints(Shape.of(batch), targets);
        assertThat(EmbeddingOp.apply(ids, reduced).toFloats())
            .containsExactly(EmbeddingOp.apply(ids, whole).toFloats());
        float[][] results = new float[4][];
        float[][] expected = new float[4][];
        compute(scope, numbers, ids, reduced, results);
        compute(scope, numbers, ids, whole, expected);
        for (int i = 0; i < results.length; i++) {
          assertThat(results[i]).hasSameSizeAs(expected[i]);
          for (int j = 0; j < results[i].length; j++) {
            assertThat(Math.abs(results[i][j] - expected[i][j])).isLessThan(1e-4f);
          }
        }
      }
    }
  }

  private static void compute(
      Scope scope, float[] numbers, Tensor ids, Tensor weight, float[][] results) {
    int batch = numbers.length / COLS;
    Tensor x = scope.floats(Shape.of(batch, COLS), numbers).requireGrad();
    Tensor y = LinearOp.apply(x, weight, null);
    results[0] = y.toFloats();
    y.multiply(y).sum().backward();
    results[1] = x.grad().orElseThrow().toFloats();
    Tensor z = scope.floats(Shape.of(batch, COLS), numbers).requireGrad();
    Tensor loss = CrossEntropyOp.linear(z, weight, ids).mean();
    results[2] = loss.toFloats();
    loss.backward();
    results[3] = z.grad().orElseThrow().toFloats();
  }

  @Test
  void map_memory_isNotReserved() {
    assumeTrue(TestDevice.isCpu(), "a GPU copies what is mapped");
    try (Arena arena = Arena.ofConfined();
        Scope scope = device.openScope()) {
      MemorySegment memory = arena.allocate(32 << 20, 1);
      Tensor tensor = scope.map(Shape.of(1 << 20, 8), DType.F32, memory);
      assertThat(scope.reservedBytes()).isZero();
      tensor.narrowRows(9, 1).write(MemorySegment.ofArray(numbers(8)));
      assertThat(memory.getAtIndex(ValueLayout.JAVA_FLOAT, 9 * 8)).isEqualTo(numbers(8)[0]);
      scope.empty(Shape.of(1 << 10, 32), DType.INT8);
      assertThat(scope.reservedBytes()).isEqualTo(34 << 10);
      scope.reset();
      assertThat(scope.reservedBytes()).isZero();
    }
  }

  @Test
  void requireGrad_reducedWeights_isRefused() {
    try (Scope scope = device.openScope()) {
      Tensor weights = scope.empty(Shape.of(2, 32), DType.BF16);
      assertThatThrownBy(weights::requireGrad)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("holds BF16, expected F32");
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment memory = arena.allocate(12).asReadOnly();
        Tensor mapped = scope.map(Shape.of(3), DType.F32, memory).requireGrad();
        assertThatThrownBy(() ->
                new AdamWOp.Slot(mapped, scope.zeros(Shape.of(3)), scope.zeros(Shape.of(3)), 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("adamW: parameter lies in read-only memory");
      }
      if (!device.computesIn(DType.BF16)) {
        assertThatThrownBy(() -> weights.copyFrom(scope.zeros(Shape.of(2, 32))))
            .hasMessageContaining("copyFrom: target holds BF16, expected F32");
      }
    }
  }
}
