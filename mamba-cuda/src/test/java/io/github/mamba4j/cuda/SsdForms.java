package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.BackendProvider;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Shape;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Mamba-2's scan in the forms that the contract does not reach: bf16, tensor cores, aligned rows,
 * heads and time cut for more or fewer multiprocessors; beside the CPU's kernels in float.
 */
abstract class SsdForms {
  private static final double FLOAT_TOLERANCE = 1e-5;
  private static final double HALF_TOLERANCE = 2e-2;
  private static final int MANY = 132;
  private static final float FREE = Float.POSITIVE_INFINITY;

  /** Opens a backend over a {@link TestGpu}. */
  abstract CudaBackend open();

  /**
   * Batch, length, heads, channels a head, groups, states; type; elements between rows, of what is
   * read and of what is written; multiprocessors to keep busy.
   */
  static Stream<Arguments> runs() {
    return Stream.of(
        Arguments.of(new int[] {2, 1, 3, 16, 1, 20}, DType.BF16, 8, 8, MANY),
        Arguments.of(new int[] {1, 6, 4, 12, 2, 20}, DType.BF16, 3, 3, MANY),
        Arguments.of(new int[] {1, 70, 2, 20, 1, 12}, DType.F32, 8, 8, MANY),
        Arguments.of(new int[] {1, 70, 3, 20, 1, 12}, DType.BF16, 8, 8, 1),
        Arguments.of(new int[] {2, 20, 2, 7, 2, 5}, DType.BF16, 3, 3, MANY),
        // On tensor cores: heads in blocks; heads one after another; wide heads, segments of time.
        Arguments.of(new int[] {2, 150, 2, 64, 1, 64}, DType.BF16, 8, 8, MANY),
        Arguments.of(new int[] {1, 130, 4, 32, 2, 128}, DType.BF16, 8, 2, 1),
        Arguments.of(new int[] {1, 330, 1, 128, 1, 64}, DType.BF16, 8, 3, MANY));
  }

  private static Shape shape(int... s) {
    return new Shape(s[0], s[1], s[2], s[3], s[4], s[5], 256, s[0] > 1, 0.01f, FREE);
  }

  @ParameterizedTest
  @MethodSource("runs")
  void scan_everyForm_equalsTheCpu(
      int[] sizes, DType type, int gap, int outGap, int multiprocessors) {
    Shape shape = shape(sizes);
    float[][] expected;
    try (Backend cpu = cpu()) {
      expected = new SsdRun(shape, DType.F32, 0, outGap % 2, cpu::map).run(cpu.ssd());
    }
    float[][] actual;
    try (CudaBackend gpu = open()) {
      SsdKernels kernels = new CudaSsd(gpu.gpu(), multiprocessors);
      actual = new SsdRun(shape, type, gap, outGap, host -> TestGpu.share(gpu, host)).run(kernels);
    }
    for (int i = 0; i < expected.length; i++) {
      assertClose(
          SsdRun.NAMES[i],
          actual[i],
          expected[i],
          type == DType.F32 ? FLOAT_TOLERANCE : HALF_TOLERANCE);
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
      error = Math.max(error, Math.abs((double) actual[i] - expected[i]));
    }
    assertThat(error).as("%s, largest %s", name, largest).isLessThanOrEqualTo(share * largest);
  }
}
