package io.github.mamba4j.data.tokenizer;

/** UTF-8 encoding straight into symbols, without the bytes in between. */
final class Utf8Symbols {

  private Utf8Symbols() {}

  /**
   * Writes the symbol of each UTF-8 byte of {@code text[from, to)}.
   *
   * @param text well-formed text
   * @param symbolOfByte the symbol of each of the 256 bytes
   * @param symbols receives the symbols, at least three a character
   * @return how many symbols were written
   */
  static int write(char[] text, int from, int to, int[] symbolOfByte, int[] symbols) {
    int n = 0;
    for (int i = from; i < to; i++) {
      char c = text[i];
      if (c < 0x80) {
        symbols[n++] = symbolOfByte[c];
      } else if (c < 0x800) {
        symbols[n++] = symbolOfByte[0xC0 | (c >> 6)];
        symbols[n++] = symbolOfByte[0x80 | (c & 0x3F)];
      } else if (Character.isHighSurrogate(c)) {
        i++;
        int codePoint = Character.toCodePoint(c, text[i]);
        symbols[n++] = symbolOfByte[0xF0 | (codePoint >> 18)];
        symbols[n++] = symbolOfByte[0x80 | ((codePoint >> 12) & 0x3F)];
        symbols[n++] = symbolOfByte[0x80 | ((codePoint >> 6) & 0x3F)];
        symbols[n++] = symbolOfByte[0x80 | (codePoint & 0x3F)];
      } else {
        symbols[n++] = symbolOfByte[0xE0 | (c >> 12)];
        symbols[n++] = symbolOfByte[0x80 | ((c >> 6) & 0x3F)];
        symbols[n++] = symbolOfByte[0x80 | (c & 0x3F)];
      }
    }
    return n;
  }
}
