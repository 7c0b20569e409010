package io.github.mamba4j.data.tokenizer;

import org.jspecify.annotations.Nullable;

/**
 * The characters that stand for the 256 bytes in files of a byte-level BPE, so that its tokens are
 * printable: the bytes 33 to 126, 161 to 172 and 174 to 255 are the characters of the same number,
 * the other 68 are U+0100, U+0101, … in ascending order (a space is U+0120, a newline U+010A).
 * Source: Radford et al. 2019 (GPT-2), encoder.
 */
final class ByteAlphabet {

  private static final int BYTES = 256;
  private static final char[] SYMBOLS = symbols();
  private static final short[] BYTE_OF_SYMBOL = inverse(SYMBOLS);

  private ByteAlphabet() {}

  private static char[] symbols() {
    char[] symbols = new char[BYTES];
    char next = (char) BYTES;
    for (int b = 0; b < BYTES; b++) {
      boolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      symbols[b] = printable ? (char) b : next++;
    }
    return symbols;
  }

  private static short[] inverse(char[] symbols) {
    short[] bytes = new short[2 * BYTES];
    java.util.Arrays.fill(bytes, (short) -1);
    for (int b = 0; b < BYTES; b++) {
      bytes[symbols[b]] = (short) b;
    }
    return bytes;
  }

  static char symbolOf(int unsignedByte) {
    return SYMBOLS[unsignedByte];
  }

  static String encode(byte[] bytes) {
    char[] chars = new char[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      chars[i] = SYMBOLS[bytes[i] & 0xFF];
    }
    return new String(chars);
  }

  /** The bytes that the characters stand for, or null if one stands for none. */
  static byte @Nullable [] decode(String symbols) {
    byte[] bytes = new byte[symbols.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = symbols.charAt(i);
      if (c >= BYTE_OF_SYMBOL.length || BYTE_OF_SYMBOL[c] < 0) {
        return null;
      }
      bytes[i] = (byte) BYTE_OF_SYMBOL[c];
    }
    return bytes;
  }
}
