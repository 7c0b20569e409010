package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.SsdKernels.Shape;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Mamba-2's scan in the forms that the contract does not reach: bf16, tensor cores, aligned rows,
 * heads and time cut for more or fewer multiprocessors; beside those that it reaches, floats in
 * rows that are not aligned.
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
  void scan_everyForm_equalsFloats(
      int[] sizes, DType type, int gap, int outGap, int multiprocessors) {
    Shape shape = shape(sizes);
    float[][] expected = run(shape, DType.F32, 1, outGap % 2 == 0 ? 2 : 1, MANY);
    float[][] actual = run(shape, type, gap, outGap, multiprocessors);
    for (int i = 0; i < expected.length; i++) {
      assertClose(
          SsdRun.NAMES[i],
          actual[i],
          expected[i],
          type == DType.F32 ? FLOAT_TOLERANCE : HALF_TOLERANCE);
    }
  }

  private float[][] run(Shape shape, DType type, int gap, int outGap, int multiprocessors) {
    try (CudaBackend gpu = open()) {
      SsdKernels kernels = new CudaSsd(gpu.gpu(), multiprocessors);
      return new SsdRun(shape, type, gap, outGap, host -> TestGpu.share(gpu, host)).run(kernels);
    }
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
