package io.github.mamba4j.spi;

/**
 * The type of the elements that a storage holds. Arithmetic is in 32-bit floats throughout: the
 * narrower types are ways to keep weights, and kernels widen them as they read.
 *
 * <p>Elements come in blocks, of one element for the plain types. Offsets and strides of views
 * count elements and are multiples of a block.
 */
public enum DType {
  /** 32-bit IEEE float, the type of all arithmetic. */
  F32(1, 4),
  /** 32-bit signed integer: token ids, targets. */
  I32(1, 4),
  /** The upper half of a 32-bit float; a weight format. */
  BF16(1, 2),
  /** 16-bit IEEE float; a weight format. */
  F16(1, 2),
  /**
   * 8-bit integers in blocks of 32 that share a scale; a weight format, GGUF's Q8_0: a 16-bit IEEE
   * float, then 32 signed bytes. Value: scale · byte.
   */
  INT8(32, 34);

  private final int blockElements;
  private final int blockBytes;

  DType(int blockElements, int blockBytes) {
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /**
   * Returns how many elements are stored together.
   *
   * @return 1 for the plain types, 32 for {@link #INT8}
   */
  public int blockElements() {
    return blockElements;
  }

  /**
   * Returns the size of a block.
   *
   * @return the size in bytes, positive
   */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Returns the size of whole blocks.
   *
   * @param elements a multiple of the block
   * @return the size in bytes
   */
  public long bytes(long elements) {
    assert elements % blockElements == 0 : this + ", " + elements;
    return elements / blockElements * blockBytes;
  }

  /**
   * Returns how many elements whole blocks hold.
   *
   * @param bytes a multiple of the block's size
   * @return the number of elements
   */
  public long elements(long bytes) {
    assert bytes % blockBytes == 0 : this + ", " + bytes;
    return bytes / blockBytes * blockElements;
  }
}
