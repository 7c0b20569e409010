package io.github.mamba4j.data.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The first symbols of a piece where a character is one: its token, or the tokens {@code <0x00>} to
 * {@code <0xFF>} of its bytes, or the unknown token, or nothing. The order of the cases, and that
 * an unknown character waits for the next known one, is that of the Python library.
 */
final class CharSymbols {

  private static final int NONE = -1;

  private final int[] basicPlane = new int[Character.MIN_SUPPLEMENTARY_CODE_POINT];
  private final Map<Integer, Integer> others = new HashMap<>();
  private final int[] fallback = new int[256];
  private final int unknownId;
  private final boolean fusesUnknown;

  /**
   * Takes what it needs of the vocabulary.
   *
   * @param unknownId the token of characters without one, or -1 to leave them out
   */
  CharSymbols(
      Map<String, Integer> vocab, boolean byteFallback, int unknownId, boolean fusesUnknown) {
    this.unknownId = unknownId;
    this.fusesUnknown = fusesUnknown;
    Arrays.fill(basicPlane, NONE);
    vocab.forEach((token, id) -> {
      if (!token.isEmpty() && token.codePointCount(0, token.length()) == 1) {
        int codePoint = token.codePointAt(0);
        if (codePoint < basicPlane.length) {
          basicPlane[codePoint] = id;
        } else {
          others.put(codePoint, id);
        }
      }
    });
    for (int b = 0; b < fallback.length; b++) {
      fallback[b] =
          byteFallback ? vocab.getOrDefault(String.format(Locale.ROOT, "<0x%02X>", b), NONE) : NONE;
    }
  }

  /**
   * Writes the symbols of {@code text[from, to)}.
   *
   * @param symbols receives them, at least three a character
   * @return how many symbols were written
   */
  int write(char[] text, int from, int to, int[] symbols) {
    int n = 0;
    boolean unknownWaits = false;
    for (int at = from; at < to; ) {
      int codePoint = Character.codePointAt(text, at, to);
      int next = at + Character.charCount(codePoint);
      int id =
          codePoint < basicPlane.length
              ? basicPlane[codePoint]
              : others.getOrDefault(codePoint, NONE);
      if (id != NONE) {
        if (unknownWaits) {
          symbols[n++] = unknownId;
          unknownWaits = false;
        }
        symbols[n++] = id;
      } else {
        int bytes = writeBytes(new String(text, at, next - at), symbols, n);
        n += bytes;
        if (bytes == 0 && unknownId >= 0) {
          if (unknownWaits && !fusesUnknown) {
            symbols[n++] = unknownId;
          }
          unknownWaits = true;
        }
      }
      at = next;
    }
    if (unknownWaits) {
      symbols[n++] = unknownId;
    }
    return n;
  }

  /** Writes the tokens of all bytes, or none if one is missing. */
  private int writeBytes(String character, int[] symbols, int at) {
    byte[] bytes = character.getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      if (fallback[b & 0xFF] == NONE) {
        return 0;
      }
    }
    for (int i = 0; i < bytes.length; i++) {
      symbols[at + i] = fallback[bytes[i] & 0xFF];
    }
    return bytes.length;
  }
}
