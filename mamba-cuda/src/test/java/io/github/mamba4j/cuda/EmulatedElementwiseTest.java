package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.cuda.emulator.EmulatedMemory;
import io.github.mamba4j.cuda.emulator.PtxProgram;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The elementwise kernels' results, and what else an emulated GPU sees of them. */
class EmulatedElementwiseTest {
  private static final PtxProgram PROGRAM = PtxProgram.parse(PtxSource.of("elementwise", Map.of()));
  private static final int ROWS = 5;
  private static final int COLS = 300;
  private static final int STRIDE = 304;

  private final Arena arena = Arena.ofConfined();
  private final EmulatedMemory memory = new EmulatedMemory();
  private final MemorySegment x = floats(ROWS * STRIDE);
  private final MemorySegment out = floats(ROWS * STRIDE);

  @AfterEach
  void freeMemory() {
    arena.close();
  }

  private MemorySegment floats(int count) {
    MemorySegment segment = arena.allocate(4L * count, 16);
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i * 37 % 401 - 200) / 20f);
    }
    memory.register(segment);
    return segment;
  }

  private static float at(MemorySegment segment, int row, int col) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * STRIDE + col);
  }

  private static ByteBuffer parameters() {
    return ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());
  }

  private static double value(String function, double x) {
    DoubleUnaryOperator formula =
        switch (function) {
          case "EXP" -> Math::exp;
          case "NEGATE" -> v -> -v;
          case "SIGMOID" -> v -> 1 / (1 + Math.exp(-v));
          case "SILU" -> v -> v / (1 + Math.exp(-v));
          case "SOFTPLUS" -> v -> Math.log1p(Math.exp(v));
          default -> Math::tanh;
        };
    return formula.applyAsDouble(x);
  }

  @Test
  void check_allEntries_areUnderstood() {
    PROGRAM.check();
    assertThat(PROGRAM.entries()).contains("transpose_1", "sum_along", "map_EXP_0");
  }

  @ParameterizedTest
  @CsvSource({"EXP", "NEGATE", "SIGMOID", "SILU", "SOFTPLUS", "TANH"})
  void map_everyFunction_isItsFormulaAndStaysWithinTheMatrix(String function) {
    float beyond = at(out, 0, COLS);
    ByteBuffer parameters = parameters();
    parameters.putLong(out.address()).putLong(STRIDE).putLong(x.address()).putLong(STRIDE);
    parameters.putInt(ROWS).putInt(COLS);
    int[] grid = {2, 3, 1};
    PROGRAM.launch("map_" + function + "_0", grid, new int[] {256, 1, 1}, 0, parameters, memory);
    for (int row = 0; row < ROWS; row++) {
      for (int col = 0; col < COLS; col++) {
        double expected = value(function, at(x, row, col));
        assertThat((double) at(out, row, col))
            .isCloseTo(expected, within(4e-7 * Math.abs(expected) + 1e-37));
      }
    }
    assertThat(at(out, 0, COLS)).isEqualTo(beyond);
  }

  @Test
  void transpose_squaresBeyondTheEdge_isExact() {
    ByteBuffer parameters = parameters();
    parameters.putLong(out.address()).putLong(ROWS).putLong(x.address()).putLong(STRIDE);
    parameters.putInt(ROWS).putInt(COLS);
    int[] grid = {10, 1, 1};
    PROGRAM.launch("transpose_0", grid, new int[] {32, 8, 1}, 0, parameters, memory);
    for (int row = 0; row < ROWS; row++) {
      for (int col = 0; col < COLS; col++) {
        assertThat(out.getAtIndex(ValueLayout.JAVA_FLOAT, (long) col * ROWS + row))
            .isEqualTo(at(x, row, col));
      }
    }
  }

  @Test
  void sumAlong_warpsAndSharedMemory_sumsEachRow() {
    ByteBuffer parameters = parameters();
    parameters.putLong(out.address()).putLong(x.address()).putLong(STRIDE);
    parameters.putInt(ROWS).putInt(COLS).putInt(8192);
    int[] grid = {1, 2, 1};
    PROGRAM.launch("sum_along", grid, new int[] {256, 1, 1}, 0, parameters, memory);
    for (int row = 0; row < ROWS; row++) {
      double sum = 0;
      for (int col = 0; col < COLS; col++) {
        sum += at(x, row, col);
      }
      assertThat((double) out.getAtIndex(ValueLayout.JAVA_FLOAT, row)).isCloseTo(sum, within(1e-3));
    }
  }
}
