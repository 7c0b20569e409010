package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * A matrix on a GPU, of floats or in BF16, whose rows start where a test wants them: what kernels
 * may load at once depends on it. All that surrounds its elements is NaN.
 */
final class DeviceMatrix {
  private static final int MARGIN = 8;
  private static final byte FILLER = (byte) 0xff;

  private final Backend backend;
  private final View view;
  private final int rows;
  private final int cols;

  /**
   * Makes a matrix of random numbers that both types hold exactly.
   *
   * @param aligned true for rows that start at multiples of eight elements, false for odd ones
   */
  DeviceMatrix(Backend backend, DType type, int rows, int cols, boolean aligned, Random random) {
    this.backend = backend;
    this.rows = rows;
    this.cols = cols;
    int offset = aligned ? MARGIN : MARGIN - 1;
    int stride = aligned ? Math.ceilDiv(cols, MARGIN) * MARGIN + MARGIN : cols | 1;
    long elements = offset + (long) rows * stride + MARGIN;
    view = new View(backend.allocate(type.bytes(elements)), type, offset, stride);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(type.bytes(elements), 8).fill(FILLER);
      for (int row = 0; row < rows; row++) {
        for (int col = 0; col < cols; col++) {
          int bits = Float.floatToRawIntBits((float) random.nextGaussian());
          if (type == DType.BF16) {
            host.setAtIndex(ValueLayout.JAVA_SHORT, index(row, col), (short) (bits >>> 16));
          } else {
            host.setAtIndex(ValueLayout.JAVA_INT, index(row, col), bits & 0xffff0000);
          }
        }
      }
      backend.write(host, view.storage(), 0);
    }
  }

  private long index(int row, int col) {
    return view.offset() + row * view.stride() + col;
  }

  View view() {
    return view;
  }

  Sink sink(boolean add) {
    return new Sink(view, add);
  }

  /** Returns the elements row by row, after a check that nothing around them was written. */
  float[] read() {
    float[] values = new float[rows * cols];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(view.storage().byteSize(), 8);
      backend.read(view.storage(), 0, host);
      for (int row = 0; row < rows; row++) {
        for (int col = 0; col < cols; col++) {
          values[row * cols + col] = take(host, index(row, col));
        }
      }
      MemorySegment untouched = arena.allocate(host.byteSize()).fill(FILLER);
      assertThat(host.mismatch(untouched)).isEqualTo(-1);
    }
    return values;
  }

  /** Returns an element and leaves the filler in its place. */
  private float take(MemorySegment host, long index) {
    if (view.type() == DType.BF16) {
      short half = host.getAtIndex(ValueLayout.JAVA_SHORT, index);
      host.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) -1);
      return Float.intBitsToFloat(half << 16);
    }
    int bits = host.getAtIndex(ValueLayout.JAVA_INT, index);
    host.setAtIndex(ValueLayout.JAVA_INT, index, -1);
    return Float.intBitsToFloat(bits);
  }

  /** Returns floats as a type holds them, rounded to nearest, ties to even. */
  static float[] rounded(DType type, float[] values) {
    float[] result = values.clone();
    for (int i = 0; i < result.length && type == DType.BF16; i++) {
      int bits = Float.floatToRawIntBits(result[i]);
      int odd = bits >>> 16 & 1;
      result[i] = Float.intBitsToFloat(bits + 0x7fff + odd & 0xffff0000);
    }
    return result;
  }
}
