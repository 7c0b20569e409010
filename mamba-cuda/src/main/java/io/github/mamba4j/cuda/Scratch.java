package io.github.mamba4j.cuda;

import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Memory for what one call leaves for its next launch. It grows, and what it was before stays as
 * long as the GPU: launches that were captured use it.
 */
final class Scratch {
  private static final long GRANULE = 1 << 20;

  private final LongFunction<DeviceMemory> allocator;
  private @Nullable DeviceMemory memory;

  Scratch(LongFunction<DeviceMemory> allocator) {
    this.allocator = allocator;
  }

  /** Returns memory of at least so many bytes with any contents; the next call gets the same. */
  DeviceMemory of(long bytes) {
    DeviceMemory present = memory;
    if (present == null || present.byteSize() < bytes) {
      present = allocator.apply(Math.ceilDiv(bytes, GRANULE) * GRANULE);
      memory = present;
    }
    return present;
  }
}
