package io.github.mamba4j.generate;

import java.util.Objects;

/**
 * Decodes UTF-8 that arrives in pieces cut anywhere, as token bytes do, and emits whole characters
 * only.
 *
 * <p>Bytes that can no longer become a character turn into U+FFFD, one for each maximal subpart of
 * an ill-formed sequence (The Unicode Standard, section 3.9; the decoder of the WHATWG Encoding
 * Standard does the same), so the result does not depend on where the bytes are cut. A byte order
 * mark is a character like any other. Not thread-safe.
 */
public final class Utf8Assembler {

  private static final char REPLACEMENT = '\ufffd';

  private final StringBuilder out = new StringBuilder();
  private int codePoint;

  /** Continuation bytes still to come for the character begun; 0 between characters. */
  private int missing;

  private int pending;

  /** The range that the next continuation byte must lie in. */
  private int lower = 0x80;

  private int upper = 0xbf;

  /** Creates an assembler between two characters. */
  public Utf8Assembler() {}

  /**
   * Takes the next bytes.
   *
   * @param bytes any bytes, also none
   * @return the characters that are now complete, possibly empty
   */
  public String append(byte[] bytes) {
    return append(bytes, 0, bytes.length);
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes holds the bytes
   * @param offset the first one
   * @param length how many
   * @return the characters that are now complete, possibly empty
   * @throws IndexOutOfBoundsException if the range is not inside the array
   */
  public String append(byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    for (int i = offset; i < offset + length; i++) {
      accept(bytes[i] & 0xff);
    }
    return take();
  }

  /**
   * Ends the text.
   *
   * @return U+FFFD if the bytes stopped inside a character, else an empty text
   */
  public String flush() {
    if (missing > 0) {
      out.append(REPLACEMENT);
      reset();
    }
    return take();
  }

  /**
   * How many bytes wait for the rest of their character.
   *
   * @return 0 to 3
   */
  public int pendingBytes() {
    return pending;
  }

  private void accept(int octet) {
    if (missing > 0) {
      if (octet >= lower && octet <= upper) {
        proceed(octet);
        return;
      }
      out.append(REPLACEMENT);
      reset();
    }
    start(octet);
  }

  private void proceed(int octet) {
    lower = 0x80;
    upper = 0xbf;
    codePoint = codePoint << 6 | (octet & 0x3f);
    pending++;
    missing--;
    if (missing == 0) {
      out.appendCodePoint(codePoint);
      reset();
    }
  }

  private void start(int octet) {
    if (octet < 0x80) {
      out.append((char) octet);
    } else if (octet >= 0xc2 && octet <= 0xdf) {
      begin(1, octet & 0x1f);
    } else if (octet >= 0xe0 && octet <= 0xef) {
      begin(2, octet & 0xf);
      // no overlong forms, no surrogates
      lower = octet == 0xe0 ? 0xa0 : 0x80;
      upper = octet == 0xed ? 0x9f : 0xbf;
    } else if (octet >= 0xf0 && octet <= 0xf4) {
      begin(3, octet & 0x7);
      // no overlong forms, nothing above U+10FFFF
      lower = octet == 0xf0 ? 0x90 : 0x80;
      upper = octet == 0xf4 ? 0x8f : 0xbf;
    } else {
      out.append(REPLACEMENT);
    }
  }

  private void begin(int continuations, int bits) {
    missing = continuations;
    pending = 1;
    codePoint = bits;
  }

  private void reset() {
    missing = 0;
    pending = 0;
    lower = 0x80;
    upper = 0xbf;
  }

  private String take() {
    String text = out.toString();
    out.setLength(0);
    return text;
  }
}
