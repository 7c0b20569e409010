package io.github.mamba4j.data.tokenizer;

/**
 * What the patterns of byte-level BPEs ask of a character, as one bit: its general category in the
 * groups that they name, and Unicode's White_Space.
 */
final class CharClasses {

  /** Lu and Lt. */
  static final int UPPER = 1;

  /** Ll. */
  static final int LOWER = 1 << 1;

  /** Lm and Lo, letters without case. */
  static final int CASELESS = 1 << 2;

  /** M, marks. */
  static final int MARK = 1 << 3;

  /** N, numbers of every kind. */
  static final int NUMBER = 1 << 4;

  /** White_Space. */
  static final int SPACE = 1 << 5;

  /** Everything else. */
  static final int OTHER = 1 << 6;

  static final int LETTER = UPPER | LOWER | CASELESS;

  /** Neither white space nor letter nor number. */
  static final int REST = MARK | OTHER;

  /** The class of each character of the basic plane; 0 for a surrogate. */
  private static final byte[] CLASSES = classes();

  private CharClasses() {}

  private static byte[] classes() {
    byte[] classes = new byte[Character.MIN_SUPPLEMENTARY_CODE_POINT];
    for (int c = 0; c < classes.length; c++) {
      classes[c] = (byte) compute(c);
    }
    return classes;
  }

  private static int compute(int codePoint) {
    if (isWhiteSpace(codePoint)) {
      return SPACE;
    }
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> UPPER;
      case Character.LOWERCASE_LETTER -> LOWER;
      case Character.MODIFIER_LETTER, Character.OTHER_LETTER -> CASELESS;
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK ->
          MARK;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.SURROGATE -> 0;
      default -> OTHER;
    };
  }

  /** Unicode's White_Space property, all of it in the basic plane. */
  static boolean isWhiteSpace(int c) {
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

  /** What Rust's and Oniguruma's {@code \w} match: alphabetic, marks, digits, connectors. */
  static boolean isWord(int codePoint) {
    return Character.isAlphabetic(codePoint)
        || codePoint == 0x200C
        || codePoint == 0x200D
        || switch (Character.getType(codePoint)) {
          case Character.NON_SPACING_MARK,
              Character.ENCLOSING_MARK,
              Character.COMBINING_SPACING_MARK,
              Character.DECIMAL_DIGIT_NUMBER,
              Character.CONNECTOR_PUNCTUATION ->
              true;
          default -> false;
        };
  }

  /** ASCII punctuation and symbols, and Unicode's P. */
  static boolean isPunctuation(int codePoint) {
    if (codePoint < 0x80) {
      return codePoint > ' ' && codePoint < 0x7F && !Character.isLetterOrDigit(codePoint);
    }
    return switch (Character.getType(codePoint)) {
      case Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION ->
          true;
      default -> false;
    };
  }

  static boolean isNumber(int codePoint) {
    return of(codePoint) == NUMBER;
  }

  static int of(int codePoint) {
    return codePoint < CLASSES.length ? CLASSES[codePoint] : compute(codePoint);
  }

  /** The class of a character; 0 for half of a surrogate pair. */
  static int ofChar(char c) {
    return CLASSES[c];
  }

  /** The class of the code point that starts at {@code at}. */
  static int at(char[] text, int at) {
    int found = CLASSES[text[at]];
    return found != 0 ? found : compute(Character.toCodePoint(text[at], text[at + 1]));
  }

  /** Where the run of these classes ends that starts at {@code from}. */
  static int runEnd(char[] text, int from, int end, int classes) {
    int at = from;
    while (at < end) {
      int found = CLASSES[text[at]];
      if ((found & classes) != 0) {
        at++;
      } else if (found == 0
          && (compute(Character.toCodePoint(text[at], text[at + 1])) & classes) != 0) {
        at += 2;
      } else {
        break;
      }
    }
    return at;
  }
}
