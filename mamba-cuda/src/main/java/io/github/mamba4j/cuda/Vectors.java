package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.View;
import java.util.Locale;
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
    return view == null || startsAt(view, Math.toIntExact(view.type().bytes(elements)));
  }

  /** Returns whether all rows of a matrix start at multiples of some bytes; true for null. */
  static boolean startsAt(@Nullable View view, int bytes) {
    return view == null
        || (DeviceMemory.address(view) % bytes == 0
            && view.type().bytes(view.stride()) % bytes == 0);
  }

  /** Returns how the kernels' forms call the type of a matrix; {@code f32} for null. */
  static String type(@Nullable View view) {
    return view == null ? "f32" : type(view.type());
  }

  /** Returns how the kernels' forms call a type. */
  static String type(DType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }
}
