package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Reads little-endian values one after the other from bytes of a file and never beyond them; every
 * failure says the byte position in the file.
 */
final class ByteCursor {

  private final String source;
  private final MemorySegment bytes;
  private final long base;
  private long position;

  /**
   * A cursor before the first byte.
   *
   * @param source the file, for messages
   * @param bytes what is read
   * @param base where the bytes lie in the file, for messages
   */
  ByteCursor(String source, MemorySegment bytes, long base) {
    this.source = source;
    this.bytes = bytes;
    this.base = base;
  }

  /** Maps a whole file for reading; an empty one too. */
  static MemorySegment map(Path path, Arena arena) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      return size == 0
          ? MemorySegment.NULL
          : channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
    }
  }

  long position() {
    return position;
  }

  long remaining() {
    return bytes.byteSize() - position;
  }

  MemorySegment bytes() {
    return bytes;
  }

  void moveTo(long target) throws CheckpointException {
    if (target < 0 || target > bytes.byteSize()) {
      throw bad("leads to byte %s, beyond the end", Long.toUnsignedString(base + target));
    }
    position = target;
  }

  /** The next bytes as they lie; the count may be any number, it is checked as unsigned. */
  MemorySegment take(long count, String what) throws CheckpointException {
    return bytes.asSlice(skip(count, what), count);
  }

  /** Goes past as many bytes and returns where they begin; makes no object. */
  long skip(long count, String what) throws CheckpointException {
    if (count < 0 || count > remaining()) {
      throw bad(
          "%s needs %s bytes, but only %d follow", what, Long.toUnsignedString(count), remaining());
    }
    long at = position;
    position += count;
    return at;
  }

  int u8(String what) throws CheckpointException {
    return Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, skip(1, what)));
  }

  int u16(String what) throws CheckpointException {
    return Short.toUnsignedInt(bytes.get(StoredType.SHORT, skip(2, what)));
  }

  int i32(String what) throws CheckpointException {
    return bytes.get(StoredType.INT, skip(4, what));
  }

  long u32(String what) throws CheckpointException {
    return Integer.toUnsignedLong(i32(what));
  }

  long i64(String what) throws CheckpointException {
    return bytes.get(StoredType.LONG, skip(8, what));
  }

  /** Text of a known length; strict UTF-8. */
  String utf8(long count, int limit, String what) throws CheckpointException {
    if (count < 0 || count > limit) {
      throw bad("%s has %s bytes, expected at most %d", what, Long.toUnsignedString(count), limit);
    }
    return decode(take(count, what), what);
  }

  private String decode(MemorySegment text, String what) throws CheckpointException {
    try {
      return decode(text);
    } catch (CharacterCodingException e) {
      throw bad("%s is not UTF-8 text", what);
    }
  }

  /** Strict UTF-8 of at most 2^31 bytes. */
  static String decode(MemorySegment text) throws CharacterCodingException {
    ByteBuffer buffer = text.asByteBuffer();
    return StandardCharsets.UTF_8.newDecoder().decode(buffer).toString();
  }

  /** A failure at the current position. */
  CheckpointException bad(String reason, Object... values) {
    return CheckpointException.of(source, "byte " + (base + position) + ": " + reason, values);
  }
}
