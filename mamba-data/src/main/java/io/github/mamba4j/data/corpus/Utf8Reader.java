package io.github.mamba4j.data.corpus;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Reads a file of UTF-8 and nothing else: the first byte that is not UTF-8 is an error that names
 * its offset. A byte order mark at the start is dropped.
 */
final class Utf8Reader extends Reader {

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path file;
  private final InputStream in;
  private final ByteBuffer bytes = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);

  /** The offset in the file of the first byte of the buffer. */
  private long bufferOffset;

  private boolean ended;

  /** The second half of a character whose first half filled the last char asked for, or -1. */
  private int pending = -1;

  Utf8Reader(Path file) throws IOException {
    this.file = file;
    try {
      this.in = Files.newInputStream(file);
    } catch (IOException e) {
      throw DataException.cannotRead(file, e);
    }
    try {
      fill();
      if (bytes.remaining() >= 3
          && bytes.get(0) == (byte) 0xEF
          && bytes.get(1) == (byte) 0xBB
          && bytes.get(2) == (byte) 0xBF) {
        bytes.position(3);
      }
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  private void fill() throws IOException {
    bufferOffset += bytes.position();
    bytes.compact();
    try {
      while (!ended && bytes.hasRemaining()) {
        int n = in.read(bytes.array(), bytes.position(), bytes.remaining());
        if (n < 0) {
          ended = true;
        } else {
          bytes.position(bytes.position() + n);
        }
      }
    } catch (IOException e) {
      throw DataException.cannotRead(file, e);
    } finally {
      bytes.flip();
    }
  }

  @Override
  public int read(char[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (pending >= 0) {
      target[offset] = (char) pending;
      pending = -1;
      return 1;
    }
    if (length == 1) {
      return readOne(target, offset);
    }
    CharBuffer chars = CharBuffer.wrap(target, offset, length);
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, ended);
      if (result.isError()) {
        throw notUtf8();
      }
      // The position of a wrapping buffer counts from the start of the array.
      if (chars.position() > offset) {
        return chars.position() - offset;
      }
      if (ended) {
        return -1;
      }
      fill();
    }
  }

  private int readOne(char[] target, int offset) throws IOException {
    char[] two = new char[2];
    int n = read(two, 0, 2);
    if (n > 0) {
      target[offset] = two[0];
      pending = n == 2 ? two[1] : -1;
      return 1;
    }
    return n;
  }

  private DataException notUtf8() {
    long offset = bufferOffset + bytes.position();
    int first = bytes.get(bytes.position()) & 0xFF;
    String hint = offset == 0 && (first == 0xFE || first == 0xFF) ? ", it looks like UTF-16" : "";
    return new DataException(
        String.format(
            Locale.ROOT,
            "%s: byte 0x%02X at offset %d is not UTF-8%s; convert the file to UTF-8",
            file,
            first,
            offset,
            hint));
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
