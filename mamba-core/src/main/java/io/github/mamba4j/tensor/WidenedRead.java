package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.GatherKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** Reads weights of fewer bits to the host as 32-bit floats, some rows at a time. */
final class WidenedRead {
  /** How many elements are widened at a time. */
  private static final int AT_ONCE = 1 << 20;

  private WidenedRead() {}

  /**
   * Widens and reads.
   *
   * @param matrix [rows, columns], of any floating type
   * @param target four bytes an element, filled row-major
   */
  static void run(Tensor matrix, MemorySegment target) {
    int cols = matrix.cols();
    long rowBytes = (long) cols * Float.BYTES;
    int step = Math.clamp(AT_ONCE / cols, 1, matrix.rows());
    try (Scope inner = matrix.scope().openSeparateChild()) {
      for (int row = 0; row < matrix.rows(); row += step) {
        int count = Math.min(step, matrix.rows() - row);
        int[] all = IntStream.range(0, count).toArray();
        View ids = inner.ints(Shape.of(count), all).view();
        Tensor widened = inner.empty(Shape.of(count, cols));
        View part = matrix.narrowRows(row, count).view();
        // Not launched by the scope: reading is no part of a recording.
        GatherKernels kernels = inner.backend().gather();
        kernels.lookup(new GatherKernels.Lookup(count, cols, count, ids, part, widened.view()));
        widened.read(target.asSlice(row * rowBytes, count * rowBytes));
        inner.reset();
      }
    }
  }
}
