package io.github.mamba4j.checkpoint;

import java.util.List;
import java.util.Locale;

/** Sizes of stored arrays, counted without overflow. */
final class Shapes {

  private Shapes() {}

  /**
   * The bytes that an array of this type and shape takes.
   *
   * @throws IllegalArgumentException if an axis is negative or the product overflows 63 bits
   */
  static long byteCount(String what, StoredType type, List<Long> shape) {
    long count = type.byteSize();
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException(
            String.format(Locale.ROOT, "%s has shape %s, expected no negative axis", what, shape));
      }
      if (Math.multiplyHigh(count, size) != 0 || count * size < 0) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "%s has shape %s of %s, more bytes than 63 bits count",
                what,
                shape,
                type));
      }
      count *= size;
    }
    return count;
  }
}
