package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/** How many neighbouring elements one load of a kernel can take. */
final class Vectors {
  private Vectors() {}

  /**
   * Returns the most elements, a power of two, that divide all rows and at whose multiples all rows
   * start.
   *
   * @param most the most that the kernel treats, a power of two
   * @param cols elements of a row
   * @param views matrices of plain types; null ones do not count
   */
  static int across(int most, int cols, @Nullable View... views) {
    int size = most;
    while (size > 1 && !fits(size, cols, views)) {
      size /= 2;
    }
    return size;
  }

  private static boolean fits(int size, int cols, @Nullable View... views) {
    boolean fits = cols % size == 0;
    for (View view : views) {
      fits = fits && aligned(view, size);
    }
    return fits;
  }

  /**
   * Returns whether all rows of a matrix of a plain type start at multiples of some elements; true
   * for null.
   */
  static boolean aligned(@Nullable View view, int elements) {
    return view == null
        || (view.stride() % elements == 0
            && DeviceMemory.address(view) % view.type().bytes(elements) == 0);
  }

  /** Returns how the kernels' forms call the type of a matrix. */
  static String type(View view) {
    return switch (view.type()) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      case F16 -> "f16";
      case INT8 -> "int8";
      case I32 -> throw new IllegalArgumentException("Vectors.type: a matrix holds I32");
    };
  }
}
