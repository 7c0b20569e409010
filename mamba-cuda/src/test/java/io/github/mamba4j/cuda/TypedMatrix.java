package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * A matrix of floats or bf16 that a {@link TestGpu} and the test share. All around it and between
 * its rows is NaN: a kernel that reads there spoils its result, one that writes there is found out.
 */
final class TypedMatrix {
  private static final int MARGIN = 8;
  private static final double BF16_TOLERANCE = 1.0 / 128;

  final int rows;
  final int cols;
  private final DType type;
  private final long first;
  private final long stride;
  private final MemorySegment host;
  private final View view;

  /**
   * Makes a matrix of NaN.
   *
   * @param gpu who shares it
   * @param aligned whether its rows begin at multiples of four elements
   */
  TypedMatrix(TestGpu gpu, DType type, int rows, int cols, boolean aligned) {
    this.rows = rows;
    this.cols = cols;
    this.type = type;
    first = aligned ? MARGIN : MARGIN - 3;
    stride = aligned ? Math.ceilDiv(cols, 4) * 4L + 4 : cols + 1L;
    long elements = first + rows * stride + MARGIN;
    host = Arena.ofAuto().allocate(type.bytes(elements), 64);
    for (long i = 0; i < elements; i++) {
      put(i, Float.NaN);
    }
    view = new View(gpu.share(host), type, first, stride);
  }

  /** Fills it with normally distributed numbers that its type can hold. */
  TypedMatrix random(Random random) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        float bits =
            Float.intBitsToFloat(Float.floatToIntBits((float) random.nextGaussian()) & ~0xffff);
        put(first + r * stride + c, bits);
      }
    }
    return this;
  }

  /** Fills it with given numbers, to the nearest below for bf16. */
  void set(double[][] values) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        put(first + r * stride + c, (float) values[r][c]);
      }
    }
  }

  View view() {
    return view;
  }

  Sink sink(boolean add) {
    return new Sink(view, add);
  }

  private void put(long index, float value) {
    if (type == DType.BF16) {
      short upper = (short) (Float.floatToRawIntBits(value) >>> 16);
      host.setAtIndex(ValueLayout.JAVA_SHORT, index, upper);
    } else {
      host.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
    }
  }

  private float at(long index) {
    if (type == DType.BF16) {
      return Float.intBitsToFloat(host.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
    }
    return host.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  double get(int row, int col) {
    return at(first + row * stride + col);
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

  /**
   * Asserts equality within a share of the largest expected value, and intact surroundings.
   *
   * @param floats the share if the type is float; bf16 has one of its own
   */
  void assertClose(double[][] expected, double floats) {
    double tolerance = type == DType.BF16 ? BF16_TOLERANCE : floats;
    double largest = 1e-30;
    for (double[] row : expected) {
      for (double value : row) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        if (!(Math.abs(get(r, c) - expected[r][c]) <= tolerance * largest)) {
          throw new AssertionError(
              "[%d, %d] is %s, expected %s, largest %s, matrix [%d, %d] of %s"
                  .formatted(r, c, get(r, c), expected[r][c], largest, rows, cols, type));
        }
      }
    }
    assertSurroundingsIntact();
  }

  private void assertSurroundingsIntact() {
    long elements = type.elements(host.byteSize());
    for (long i = 0; i < elements; i++) {
      long inside = i - first;
      boolean element =
          inside >= 0 && inside < rows * stride && Math.floorMod(inside, stride) < cols;
      if (!element && !Float.isNaN(at(i))) {
        throw new AssertionError("written outside the matrix, element " + inside);
      }
    }
  }
}
