package io.github.mamba4j.spi;

/** The type of the elements that a storage holds. Arithmetic is in 32-bit floats throughout. */
public enum DType {
  /** 32-bit IEEE float, the type of all arithmetic. */
  F32(4),
  /** 32-bit signed integer: token ids, targets. */
  I32(4),
  /** The upper half of a 32-bit float; a weight format. */
  BF16(2),
  /** 16-bit IEEE float; a weight format. */
  F16(2);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /**
   * Returns the size of one element.
   *
   * @return the size in bytes, positive
   */
  public int bytes() {
    return bytes;
  }
}
