package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The backward scan in all forms, types and alignments beside the CPU's kernels in float. */
abstract class ScanBackwardForms {
  private static final double FLOAT_TOLERANCE = 1e-5;
  private static final double HALF_TOLERANCE = 1e-2;
  private static final Discretization EULER = Discretization.EULER;
  private static final Discretization ZOH = Discretization.ZOH;

  abstract CudaBackend open();

  private static Shape shape(int batch, int length, int channels, int states, Discretization rule) {
    return new Shape(batch, length, channels, states, rule, true);
  }

  /** Shape; type; elements between rows: 8 for the widest copies, 2 for pairs. */
  static Stream<Arguments> types() {
    return Stream.of(
        Arguments.of(shape(2, 37, 24, 16, EULER), DType.BF16, 8),
        Arguments.of(shape(2, 37, 24, 16, EULER), DType.BF16, 2),
        Arguments.of(shape(2, 21, 23, 16, EULER), DType.BF16, 3),
        Arguments.of(shape(1, 37, 24, 12, EULER), DType.F32, 4),
        Arguments.of(shape(1, 37, 22, 14, EULER), DType.F32, 2),
        Arguments.of(shape(1, 20, 40, 8, EULER), DType.BF16, 8),
        Arguments.of(shape(1, 20, 40, 4, EULER), DType.BF16, 8),
        Arguments.of(shape(1, 20, 40, 4, EULER), DType.F32, 4),
        Arguments.of(shape(1, 20, 40, 2, EULER), DType.BF16, 2),
        Arguments.of(shape(2, 35, 24, 40, EULER), DType.BF16, 8),
        Arguments.of(shape(1, 25, 13, 21, EULER), DType.BF16, 3),
        Arguments.of(shape(1, 37, 24, 8, ZOH), DType.BF16, 8),
        Arguments.of(shape(1, 20, 24, 16, ZOH), DType.BF16, 2),
        Arguments.of(shape(1, 290, 40, 16, EULER), DType.BF16, 8),
        Arguments.of(shape(1, 290, 10, 24, EULER), DType.BF16, 2));
  }

  @ParameterizedTest
  @MethodSource("types")
  void backward_everyTypeAndAlignment_equalsTheCpu(Shape shape, DType type, int gap) {
    assertEqualsTheCpu(shape, type, gap, false, ScanBackwardForm.of(shape));
    assertEqualsTheCpu(shape, type, gap, true, ScanBackwardForm.of(shape));
  }

  /** Shape; warps of a block; groups of sequences; tiles of a chunk. */
  static Stream<Arguments> forms() {
    return Stream.of(
        Arguments.of(shape(1, 37, 40, 16, EULER), 2, 1, 3),
        Arguments.of(shape(1, 37, 136, 16, EULER), 8, 1, 3),
        Arguments.of(shape(1, 20, 136, 4, EULER), 8, 1, 2),
        Arguments.of(shape(5, 35, 24, 16, EULER), 4, 2, 3),
        Arguments.of(shape(5, 20, 24, 20, EULER), 4, 3, 2),
        Arguments.of(shape(2, 70, 24, 16, EULER), 4, 2, 1),
        Arguments.of(shape(2, 150, 24, 20, EULER), 2, 2, 1));
  }

  @ParameterizedTest
  @MethodSource("forms")
  void backward_everyForm_equalsTheCpu(Shape shape, int warps, int groups, int chunkTiles) {
    ScanBackwardForm form = form(shape, warps, groups, chunkTiles);
    assertEqualsTheCpu(shape, DType.F32, 8, false, form);
    assertEqualsTheCpu(shape, DType.BF16, 8, false, form);
  }

  private static ScanBackwardForm form(Shape shape, int warps, int groups, int chunkTiles) {
    ScanBackwardForm usual = ScanBackwardForm.of(shape, warps);
    int tiles = Math.ceilDiv(shape.length(), ScanBackwardForm.TILE);
    int chunks = Math.ceilDiv(tiles, chunkTiles);
    return new ScanBackwardForm(
        usual.states(), usual.many(), warps, usual.blocks(), groups, chunks, chunkTiles);
  }

  /** Chunks that are forgotten after a tile, half of them, hardly and never. */
  @ParameterizedTest
  @ValueSource(doubles = {5, 2, -3, -8})
  void backward_timeInChunks_equalsTheCpuWhateverIsForgotten(double steps) {
    Shape whole = shape(1, 230, 40, 16, EULER);
    assertEqualsTheCpu(whole, DType.BF16, 8, false, form(whole, 2, 1, 7), steps);
    Shape part = shape(2, 230, 11, 5, ZOH);
    assertEqualsTheCpu(part, DType.F32, 3, true, form(part, 2, 2, 7), steps);
    Shape slabs = shape(1, 230, 11, 20, EULER);
    assertEqualsTheCpu(slabs, DType.F32, 4, false, form(slabs, 2, 1, 7), steps);
  }

  private void assertEqualsTheCpu(
      Shape shape, DType type, int gap, boolean add, ScanBackwardForm form) {
    assertEqualsTheCpu(shape, type, gap, add, form, -1.5);
  }

  private void assertEqualsTheCpu(
      Shape shape, DType type, int gap, boolean add, ScanBackwardForm form, double steps) {
    float[][] expected;
    try (Backend cpu = cpu()) {
      long floats = cpu.scan().backwardWorkspaceFloats(shape);
      ScanRun run = new ScanRun(cpu, shape, DType.F32, 0, add).withSteps(steps);
      expected = run.run(floats, cpu.scan()::backward);
    }
    float[][] actual;
    try (CudaBackend gpu = open()) {
      CudaScanBackward kernels = new CudaScanBackward(gpu.gpu());
      long floats = CudaScanBackward.workspaceFloats(shape, form);
      ScanRun run = new ScanRun(gpu, shape, type, gap, add).withSteps(steps);
      actual = run.run(floats, scan -> kernels.run(scan, form));
    }
    for (int i = 0; i < expected.length; i++) {
      double share = type == DType.F32 ? FLOAT_TOLERANCE : HALF_TOLERANCE;
      assertClose(ScanRun.NAMES[i], actual[i], expected[i], share);
    }
  }

  private static Backend cpu() {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals("cpu"))
            .findAny()
            .orElseThrow();
    return Objects.requireNonNull(provider.open(new BackendProvider.Options(0, 1, "auto")));
  }

  private static void assertClose(String name, float[] actual, float[] expected, double share) {
    double largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    double error = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) actual[i] - expected[i]);
      error = difference <= error ? error : difference;
    }
    assertThat(error).as("%s, largest %s", name, largest).isLessThanOrEqualTo(share * largest);
  }
}
