package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.corpus.Document;

/**
 * How much text there is, in units that do not depend on a tokenizer.
 *
 * @param documents texts
 * @param bytes bytes of UTF-8
 * @param words stretches without white space, which is Unicode's and the separators 1C to 1F
 */
record TextVolume(long documents, long bytes, long words) {
  static final TextVolume NONE = new TextVolume(0, 0, 0);

  TextVolume plus(Document document) {
    String text = document.text();
    long moreBytes = 0;
    long moreWords = 0;
    boolean inWord = false;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      moreBytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      boolean space = isSpace(c);
      moreWords += !space && !inWord ? 1 : 0;
      inWord = !space;
    }
    return new TextVolume(documents + 1, bytes + moreBytes, words + moreWords);
  }

  /** Python's str.split() and \\s agree; Java's isWhitespace leaves out NEL and no-break spaces. */
  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }
}
