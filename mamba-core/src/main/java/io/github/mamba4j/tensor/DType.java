package io.github.mamba4j.tensor;

/**
 * The element type of a stored tensor.
 *
 * <p>Computation is in {@link #F32}; the narrower types exist so that weights can be kept and read
 * in less memory and are widened where they are used.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(4),
  /** Signed 32-bit integer, two's complement. */
  I32(4),
  /** The upper half of an {@link #F32}: 8 exponent bits, 7 mantissa bits. */
  BF16(2),
  /** IEEE 754 binary16: 5 exponent bits, 10 mantissa bits. */
  F16(2),
  /** Signed 8-bit integer, two's complement. */
  I8(1);

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
