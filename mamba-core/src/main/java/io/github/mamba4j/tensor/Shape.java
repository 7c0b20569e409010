package io.github.mamba4j.tensor;

import java.util.Arrays;
import java.util.List;

/**
 * The sizes of a tensor along its axes, outermost first, as in {@code [batch, length, dModel]}.
 *
 * <p>A shape is immutable. The empty shape {@code []} is that of a scalar and has one element; an
 * axis of size 0 makes a tensor without elements. Axes can be counted from the end with negative
 * numbers: -1 is the last one.
 */
public final class Shape {
  private static final Shape SCALAR = new Shape(new int[0], 1);

  private final int[] dims;
  private final long elements;

  private Shape(int[] dims, long elements) {
    this.dims = dims;
    this.elements = elements;
  }

  /**
   * Returns the shape with the given sizes.
   *
   * @param dims the size of each axis, outermost first, none negative; copied
   * @return the shape
   * @throws IllegalArgumentException if a size is negative, or the number of elements does not fit
   *     in a {@code long}
   */
  public static Shape of(int... dims) {
    return dims.length == 0 ? SCALAR : create(dims.clone());
  }

  private static Shape create(int[] dims) {
    for (int axis = 0; axis < dims.length; axis++) {
      if (dims[axis] < 0) {
        throw new IllegalArgumentException(
            "Shape: dim " + axis + " must not be negative, got " + Arrays.toString(dims));
      }
    }
    return new Shape(dims, countElements(dims));
  }

  private static long countElements(int[] dims) {
    long count = 1;
    boolean overflow = false;
    for (int dim : dims) {
      if (dim == 0) {
        return 0;
      }
      overflow |= Math.multiplyHigh(count, dim) != 0 || count * dim < 0;
      count *= dim;
    }
    if (overflow) {
      throw new IllegalArgumentException(
          "Shape: the number of elements of "
              + Arrays.toString(dims)
              + " must be at most "
              + Long.MAX_VALUE);
    }
    return count;
  }

  /**
   * Returns the number of axes.
   *
   * @return the rank, 0 for a scalar
   */
  public int rank() {
    return dims.length;
  }

  /**
   * Returns the size of one axis.
   *
   * @param axis the axis in [-rank, rank); a negative one counts from the end
   * @return the size, not negative
   * @throws IllegalArgumentException if there is no such axis
   */
  public int dim(int axis) {
    return dims[resolveAxis(axis)];
  }

  /**
   * Returns the size of the last axis, which is the one whose elements are adjacent in memory.
   *
   * @return the size, not negative
   * @throws IllegalArgumentException if this is the shape of a scalar
   */
  public int lastDim() {
    return dim(-1);
  }

  /**
   * Returns all sizes.
   *
   * @return a new array of the sizes, outermost first
   */
  public int[] toArray() {
    return dims.clone();
  }

  /**
   * Returns all sizes as files write them.
   *
   * @return an unmodifiable list of the sizes, outermost first
   */
  public List<Long> toList() {
    return Arrays.stream(dims).asLongStream().boxed().toList();
  }

  /**
   * Returns how many elements a tensor of this shape has: the product of its sizes.
   *
   * @return the number of elements, 1 for a scalar
   */
  public long elements() {
    return elements;
  }

  /**
   * Returns this shape with another size on one axis.
   *
   * @param axis the axis in [-rank, rank); a negative one counts from the end
   * @param size the new size, not negative
   * @return the changed shape
   * @throws IllegalArgumentException if there is no such axis, the size is negative, or the number
   *     of elements does not fit in a {@code long}
   */
  public Shape withDim(int axis, int size) {
    int[] changed = dims.clone();
    changed[resolveAxis(axis)] = size;
    return create(changed);
  }

  private int resolveAxis(int axis) {
    int resolved = axis < 0 ? axis + dims.length : axis;
    if (resolved < 0 || resolved >= dims.length) {
      throw new IllegalArgumentException(
          "Shape: axis of " + this + " must be in [-" + rank() + ", " + rank() + "), got " + axis);
    }
    return resolved;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape that && Arrays.equals(dims, that.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /**
   * Returns the sizes in brackets, as in {@code [2, 16, 32]}.
   *
   * @return the text
   */
  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
