package io.github.mamba4j.data.tokenizer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of pieces seen lately: text repeats its words, and looking a word up costs a fraction
 * of merging it.
 *
 * <p>A direct-mapped table of bounded size; a new piece replaces the one in its slot. Threads share
 * it without locks: entries are immutable with final fields, so a thread sees an entry whole or
 * does not see it, and a lost update only costs merging that piece again.
 */
final class PieceCache {

  /** Longer pieces seldom come again. */
  static final int MAX_CHARS = 32;

  private static final int SLOTS = 1 << 16;

  private static final class Entry {
    final char[] piece;
    final int[] ids;

    Entry(char[] piece, int[] ids) {
      this.piece = piece;
      this.ids = ids;
    }
  }

  private final @Nullable Entry[] entries = new Entry[SLOTS];

  static int hash(char[] text, int from, int to) {
    int h = to - from;
    for (int i = from; i < to; i++) {
      h = 31 * h + text[i];
    }
    return h * 0x9E3779B9;
  }

  /** The tokens of the piece, not to be changed, or null. */
  int @Nullable [] get(int hash, char[] text, int from, int to) {
    Entry entry = entries[hash >>> 16];
    if (entry == null) {
      return null;
    }
    char[] piece = entry.piece;
    int length = to - from;
    if (piece.length != length) {
      return null;
    }
    for (int i = 0; i < length; i++) {
      if (piece[i] != text[from + i]) {
        return null;
      }
    }
    return entry.ids;
  }

  void put(int hash, char[] text, int from, int to, int[] ids, int count) {
    entries[hash >>> 16] = new Entry(Arrays.copyOfRange(text, from, to), Arrays.copyOf(ids, count));
  }
}
