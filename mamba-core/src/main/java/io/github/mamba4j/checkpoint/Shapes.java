package io.github.mamba4j.checkpoint;

import java.util.List;
import java.util.Locale;

/** Sizes of stored arrays, counted without overflow. */
final class Shapes {

  private Shapes() {}

  /**
   * The bytes that an array of this type and shape takes.
   *
   * @throws IllegalArgumentException if an axis is negative, the product overflows 63 bits, or the
   *     last axis is no multiple of the type's block
   */
  static long byteCount(String what, StoredType type, List<Long> shape) {
    if (type.isBlocked() && (shape.isEmpty() || shape.getLast() % type.blockElements() != 0)) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s has shape %s of %s, expected a last axis that is a multiple of %d",
              what,
              shape,
              type,
              type.blockElements()));
    }
    long count = type.blockBytes();
    for (int axis = 0; axis < shape.size(); axis++) {
      long size = shape.get(axis);
      if (size < 0) {
        throw new IllegalArgumentException(
            String.format(Locale.ROOT, "%s has shape %s, expected no negative axis", what, shape));
      }
      long blocks = axis == shape.size() - 1 ? size / type.blockElements() : size;
      if (Math.multiplyHigh(count, blocks) != 0 || count * blocks < 0) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "%s has shape %s of %s, more bytes than 63 bits count",
                what,
                shape,
                type));
      }
      count *= blocks;
    }
    return count;
  }
}
