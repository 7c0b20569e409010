package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;

/**
 * An array that a writer was given and has not written yet: bytes as they lie in the segment, or
 * native floats to be narrowed. Nothing is copied before the writing.
 */
record PendingArray(
    String name, StoredType type, List<Long> shape, MemorySegment values, boolean nativeFloats) {

  /** The size of the buffer that {@link #writeTo} needs. */
  static final int CHUNK_BYTES = 1 << 20;

  /**
   * Checks the size.
   *
   * @throws IllegalArgumentException if it does not fit type and shape
   */
  static PendingArray of(
      String writer,
      String name,
      StoredType type,
      List<Long> shape,
      MemorySegment values,
      boolean nativeFloats) {
    PendingArray array = new PendingArray(name, type, List.copyOf(shape), values, nativeFloats);
    String what = writer + ": " + name;
    long expected = Shapes.byteCount(what, type, shape);
    if (expected != array.byteSize()) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s has %d bytes as %s, expected %d for shape %s",
              what,
              array.byteSize(),
              type,
              expected,
              array.shape()));
    }
    return array;
  }

  /** The bytes that will be written. */
  long byteSize() {
    return nativeFloats
        ? values.byteSize() / Float.BYTES / type.blockElements() * type.blockBytes()
        : values.byteSize();
  }

  /** Writes the values through a buffer of {@link #CHUNK_BYTES}. */
  void writeTo(OutputStream out, byte[] chunk) throws IOException {
    MemorySegment buffer = MemorySegment.ofArray(chunk);
    long total = byteSize();
    int step = CHUNK_BYTES / type.blockBytes() * type.blockBytes();
    for (long done = 0; done < total; ) {
      int count = (int) Math.min(step, total - done);
      if (nativeFloats) {
        narrow(done / type.blockBytes(), count / type.blockBytes(), buffer);
      } else {
        MemorySegment.copy(values, done, buffer, 0, count);
      }
      out.write(chunk, 0, count);
      done += count;
    }
  }

  private void narrow(long firstBlock, int blocks, MemorySegment buffer) {
    long floatBytes = (long) type.blockElements() * Float.BYTES;
    MemorySegment floats = values.asSlice(firstBlock * floatBytes, blocks * floatBytes);
    type.narrow(floats, buffer, (long) blocks * type.blockElements());
  }
}
