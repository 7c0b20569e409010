package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;

/** A piece of a slab that one owner has for a while. */
final class Block {
  private final Storage storage;
  private final long offsetBytes;
  private final long bytes;
  private boolean released;

  Block(Storage storage, long offsetBytes, long bytes) {
    this.storage = storage;
    this.offsetBytes = offsetBytes;
    this.bytes = bytes;
  }

  Storage storage() {
    return storage;
  }

  long offsetBytes() {
    return offsetBytes;
  }

  long bytes() {
    return bytes;
  }

  /** Views the block as rows of {@code cols} elements. */
  View view(DType type, long cols) {
    return new View(storage, type, type.elements(offsetBytes), cols);
  }

  /** Marks the block as given back; false if it was before. */
  boolean release() {
    boolean first = !released;
    released = true;
    return first;
  }
}
