package io.github.mamba4j.spi;

/**
 * A block of memory on one backend: off-heap memory for the CPU, device memory for a GPU.
 *
 * <p>Only the backend that made it looks inside. What it allocated starts on a 64-byte boundary or
 * better, what it mapped where the file has it.
 */
public interface Storage {
  /**
   * Returns the size of this block.
   *
   * @return the size in bytes, not negative
   */
  long byteSize();
}
