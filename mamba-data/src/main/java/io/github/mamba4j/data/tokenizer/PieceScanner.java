package io.github.mamba4j.data.tokenizer;

/**
 * Cuts text into the pieces within which BPE merges, as the regular expression of GPT-2 does:
 *
 * <pre>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</pre>
 *
 * <p>with Unicode's White_Space for {@code \s}. Written by hand: one table look-up a character and
 * no backtracking, where the regular expression needs several attempts at every piece. The pieces
 * cover the text without gaps.
 *
 * <p>Two rules need more than a run of one class. A space joins the run that follows it, unless
 * that is white space. And of white space before something else the last character is left over, to
 * join what follows if it is a space and to be a piece of its own if not.
 */
final class PieceScanner {

  private static final byte OTHER = 0;
  private static final byte LETTER = 1;
  private static final byte NUMBER = 2;
  private static final byte SPACE = 3;
  private static final byte SURROGATE = 4;

  /** The class of each character of the basic plane. */
  private static final byte[] CLASSES = classes();

  private PieceScanner() {}

  private static byte[] classes() {
    byte[] classes = new byte[Character.MIN_SUPPLEMENTARY_CODE_POINT];
    for (int c = 0; c < classes.length; c++) {
      classes[c] = classOf(c);
    }
    return classes;
  }

  private static byte classOf(int codePoint) {
    if (isWhiteSpace(codePoint)) {
      return SPACE;
    }
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SURROGATE -> SURROGATE;
      default -> OTHER;
    };
  }

  /** Unicode's White_Space property, all of it in the basic plane. */
  private static boolean isWhiteSpace(int c) {
    return (c >= 0x09 && c <= 0x0D)
        || c == 0x20
        || c == 0x85
        || c == 0xA0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200A)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202F
        || c == 0x205F
        || c == 0x3000;
  }

  static boolean isSpace(char c) {
    return CLASSES[c] == SPACE;
  }

  /**
   * The end of the piece that starts at {@code start}.
   *
   * @param text well-formed text
   * @param start where the piece starts, below {@code end}
   * @param end where the text ends
   */
  static int next(char[] text, int start, int end) {
    char first = text[start];
    if (first == '\'') {
      int contraction = contractionEnd(text, start, end);
      if (contraction > 0) {
        return contraction;
      }
    }
    int at =
        first == ' ' && start + 1 < end && CLASSES[text[start + 1]] != SPACE ? start + 1 : start;
    byte kind = CLASSES[text[at]];
    if (kind == SPACE) {
      return whiteSpaceEnd(text, at, end);
    }
    if (kind == SURROGATE) {
      kind = classOf(Character.toCodePoint(text[at], text[at + 1]));
    }
    return runEnd(text, at, end, kind);
  }

  private static int runEnd(char[] text, int start, int end, byte kind) {
    int at = start;
    while (at < end) {
      byte next = CLASSES[text[at]];
      if (next == kind) {
        at++;
      } else if (next == SURROGATE
          && classOf(Character.toCodePoint(text[at], text[at + 1])) == kind) {
        at += 2;
      } else {
        break;
      }
    }
    return at;
  }

  private static int whiteSpaceEnd(char[] text, int start, int end) {
    int at = start + 1;
    while (at < end && CLASSES[text[at]] == SPACE) {
      at++;
    }
    return at < end && at > start + 1 ? at - 1 : at;
  }

  /** The end of 's, 't, 'm, 'd, 're, 've or 'll at {@code start}, or 0. */
  private static int contractionEnd(char[] text, int start, int end) {
    if (start + 1 >= end) {
      return 0;
    }
    char second = text[start + 1];
    char third = start + 2 < end ? text[start + 2] : 0;
    return switch (second) {
      case 's', 't', 'm', 'd' -> start + 2;
      case 'r', 'v' -> third == 'e' ? start + 3 : 0;
      case 'l' -> third == 'l' ? start + 3 : 0;
      default -> 0;
    };
  }
}
