package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;

/**
 * Memory that a GPU reaches.
 *
 * @param address where it starts, as the GPU's kernels address it
 * @param byteSize its size in bytes
 */
record DeviceMemory(long address, long byteSize) implements Storage {
  /** Returns the address of a view's first element. */
  static long address(View view) {
    return ((DeviceMemory) view.storage()).address + view.type().bytes(view.offset());
  }
}
