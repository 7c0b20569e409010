package io.github.mamba4j.tensor;

import java.util.Locale;

/**
 * Views: other shapes of, or windows into, the same memory. Nothing is computed; gradients of a
 * view are part of the gradient of what it views.
 */
final class ViewOps {
  private ViewOps() {}

  static Tensor narrow(Tensor x, int start, int size) {
    int cols = x.cols();
    if (start < 0 || size <= 0 || start + size > cols) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "narrow: columns [%d, %d) of shape %s, expected a range in [0, %d)",
              start,
              start + size,
              x.shape(),
              cols));
    }
    int block = x.dtype().blockElements();
    if (start % block != 0 || size % block != 0) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "narrow: columns [%d, %d), expected multiples of %d (from x of type %s)",
              start,
              start + size,
              block,
              x.dtype()));
    }
    return x.viewOf(x.shape().withDim(-1, size), start, x.view().stride());
  }

  static Tensor rows(Tensor x, int start, int size) {
    if (x.shape().rank() != 2 || start < 0 || size <= 0 || start > x.rows() - size) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "narrowRows: rows [%d, %d) of shape %s, expected some of [rows, columns]",
              start,
              (long) start + size,
              x.shape()));
    }
    long stride = x.view().stride();
    return x.viewOf(Shape.of(size, x.cols()), start * stride, stride);
  }

  static Tensor[] split(Tensor x, int... sizes) {
    int total = 0;
    for (int size : sizes) {
      total += size;
    }
    if (total != x.cols()) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "split: sizes add up to %d, expected %d (from x of shape %s)",
              total,
              x.cols(),
              x.shape()));
    }
    Tensor[] parts = new Tensor[sizes.length];
    int start = 0;
    for (int i = 0; i < sizes.length; i++) {
      parts[i] = narrow(x, start, sizes[i]);
      start += sizes[i];
    }
    if (x.requiresGrad() && x.base() == x) {
      x.gradient().declareParts(parts);
    }
    return parts;
  }

  static Tensor slice(Tensor x, int start, int size) {
    int rank = x.shape().rank();
    int first = x.shape().dim(0);
    if (rank < 2 || start < 0 || size <= 0 || start + size > first) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "slice: indices [%d, %d) of shape %s, expected two axes and a range in [0, %d)",
              start,
              start + size,
              x.shape(),
              first));
    }
    long stride = x.view().stride();
    long shift = (long) start * (x.rows() / first) * stride;
    return x.viewOf(x.shape().withDim(0, size), shift, stride);
  }

  static Tensor select(Tensor x, int index) {
    int rank = x.shape().rank();
    if (rank < 2) {
      throw new ShapeMismatchException(
          "select: x has shape " + x.shape() + ", expected at least two axes");
    }
    int size = x.shape().dim(-2);
    int at = index < 0 ? index + size : index;
    if (at < 0 || at >= size) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "select: index %d of shape %s, expected one in [%d, %d)",
              index,
              x.shape(),
              -size,
              size));
    }
    int[] dims = new int[rank - 1];
    for (int i = 0; i < rank - 2; i++) {
      dims[i] = x.shape().dim(i);
    }
    dims[rank - 2] = x.cols();
    long stride = x.view().stride();
    return x.viewOf(Shape.of(dims), at * stride, size * stride);
  }

  static Tensor reshape(Tensor x, Shape shape) {
    if (shape.elements() != x.shape().elements()) {
      throw new ShapeMismatchException(
          String.format(
              Locale.ROOT,
              "reshape: x has shape %s = %d elements, expected %d (from %s)",
              x.shape(),
              x.shape().elements(),
              shape.elements(),
              shape));
    }
    boolean sameRows = shape.lastDim() == x.cols();
    ShapeRules.bytes("reshape", shape, x.dtype());
    if (!sameRows && !x.isContiguous()) {
      throw new ShapeMismatchException(
          String.format(
                  Locale.ROOT,
                  "reshape: x of shape %s is a view of wider rows; only axes before the last can"
                      + " change, got",
                  x.shape())
              + " "
              + shape);
    }
    return x.viewOf(shape, 0, sameRows ? x.view().stride() : shape.lastDim());
  }
}
