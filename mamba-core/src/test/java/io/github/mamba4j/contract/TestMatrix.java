package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/**
 * A matrix in memory of its own. All elements around it and, if it has gaps, between its rows are
 * NaN: a kernel that reads them spoils its result, one that writes them is found out.
 */
final class TestMatrix {
  private static final int MARGIN = 5;

  /** Row widths around every vector width, and those of real models. */
  static final int[] WIDTHS = {1, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 19, 31, 32, 35, 67, 256, 768};

  /** The same, for parametrised tests. */
  static final String ALL_WIDTHS = "io.github.mamba4j.contract.TestMatrix#WIDTHS";

  final int rows;
  final int cols;
  private final long stride;
  private final MemorySegment segment;

  /** Makes a matrix of NaN. */
  TestMatrix(int rows, int cols, int gap) {
    this.rows = rows;
    this.cols = cols;
    stride = (long) cols + gap;
    long floats = 2L * MARGIN + rows * stride;
    segment = TestMemory.allocate(floats * Float.BYTES);
    for (long i = 0; i < floats; i++) {
      TestMemory.set(segment, i, Float.NaN);
    }
  }

  /** Makes a matrix of normally distributed numbers. */
  static TestMatrix random(Random random, int rows, int cols, int gap) {
    TestMatrix matrix = new TestMatrix(rows, cols, gap);
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        matrix.set(r, c, (float) random.nextGaussian());
      }
    }
    return matrix;
  }

  /** Makes scratch memory of NaN for a kernel. */
  static TestMatrix workspace(long floats) {
    return new TestMatrix(1, Math.toIntExact(floats), 0);
  }

  /** Makes a row of token ids. */
  static View ids(int... ids) {
    MemorySegment segment = TestMemory.allocate(Math.max(1, ids.length) * 4L);
    MemorySegment.copy(MemorySegment.ofArray(ids), 0, segment, 0, ids.length * 4L);
    return new View(TestMemory.storage(segment), DType.I32, 0, ids.length);
  }

  TestMatrix copy() {
    TestMatrix copy = new TestMatrix(rows, cols, (int) (stride - cols));
    copy.segment.copyFrom(segment);
    return copy;
  }

  View view() {
    return new View(TestMemory.storage(segment), DType.F32, MARGIN, stride);
  }

  Sink sink(boolean add) {
    return new Sink(view(), add);
  }

  float get(int row, int col) {
    return TestMemory.get(segment, MARGIN + row * stride + col);
  }

  void set(int row, int col, float value) {
    TestMemory.set(segment, MARGIN + row * stride + col, value);
  }

  double[][] toDoubles() {
    double[][] values = new double[rows][cols];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        values[r][c] = get(r, c);
      }
    }
    return values;
  }

  /** Asserts equality within a share of the largest expected value, and intact surroundings. */
  void assertClose(double[][] expected, double tolerance) {
    double largest = 1e-30;
    for (double[] row : expected) {
      for (double value : row) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        double difference = Math.abs(get(r, c) - expected[r][c]);
        if (!(difference <= tolerance * largest)) {
          throw new AssertionError(
              "[%d, %d] is %s, expected %s, largest %s, matrix [%d, %d]"
                  .formatted(r, c, get(r, c), expected[r][c], largest, rows, cols));
        }
      }
    }
    assertSurroundingsIntact();
  }

  /** Asserts that nothing outside the matrix was written. */
  void assertSurroundingsIntact() {
    long floats = segment.byteSize() / Float.BYTES;
    for (long i = 0; i < floats; i++) {
      long inside = i - MARGIN;
      boolean element =
          inside >= 0 && inside < rows * stride && Math.floorMod(inside, stride) < cols;
      if (!element && !Float.isNaN(TestMemory.get(segment, i))) {
        throw new AssertionError("written outside the matrix, element " + (i - MARGIN));
      }
    }
  }

  /** Asserts that two matrices have the same bits. */
  void assertSameBits(TestMatrix other) {
    assertThat(segment.mismatch(other.segment)).isEqualTo(-1);
  }

  /** Asserts that no element is a number still left from before. */
  void assertAllNaN() {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        assertThat(get(r, c)).isNaN();
      }
    }
  }
}
