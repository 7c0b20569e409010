package io.github.mamba4j.spi;

/**
 * A matrix inside a storage: rows of contiguous elements, a fixed number of elements apart.
 *
 * <p>How many rows and columns there are is said by the kernel's shape. A stride of zero repeats
 * one row (broadcasting).
 *
 * @param storage the memory
 * @param type the type of its elements
 * @param offset index of the first element, in elements from the start of the storage, not negative
 * @param stride distance between the starts of two rows, in elements, not negative
 */
public record View(Storage storage, DType type, long offset, long stride) {
  /**
   * Returns the same rows, starting some elements further.
   *
   * @param elements how many elements to move the start by
   * @return the moved view
   */
  public View plus(long elements) {
    return new View(storage, type, offset + elements, stride);
  }
}
