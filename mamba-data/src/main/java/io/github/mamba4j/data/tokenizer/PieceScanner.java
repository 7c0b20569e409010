package io.github.mamba4j.data.tokenizer;

/**
 * Cuts text into the pieces within which BPE merges, as one of the well-known regular expressions
 * does, but written by hand: one table look-up a character and no backtracking, where the
 * expression needs several attempts at every piece. The pieces cover the text without gaps.
 *
 * <p>White space is {@code \s+(?!\S)|\s+} for all of them: of a run before something else the last
 * character is left over, to join what follows or to be a piece of its own.
 */
enum PieceScanner {

  /**
   * GPT-2, GPT-NeoX and {@code ByteLevel}.
   *
   * <pre>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</pre>
   */
  GPT2 {
    @Override
    int next(char[] text, int start, int end) {
      char first = text[start];
      if (first == '\'') {
        int contraction = contractionEnd(text, start, end, false);
        if (contraction > 0) {
          return contraction;
        }
      }
      int at =
          first == ' '
                  && start + 1 < end
                  && CharClasses.ofChar(text[start + 1]) != CharClasses.SPACE
              ? start + 1
              : start;
      int kind = CharClasses.at(text, at);
      if (kind == CharClasses.SPACE) {
        return whiteSpaceEnd(text, at, end);
      }
      return CharClasses.runEnd(text, at, end, groupOf(kind));
    }
  },

  /**
   * GPT-4 (cl100k) and Llama 3.
   *
   * <pre>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
   * | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</pre>
   */
  CL100K {
    @Override
    int next(char[] text, int start, int end) {
      return nextCl100k(text, start, end, 3);
    }
  },

  /** Qwen 2: {@link #CL100K} with one digit a piece. */
  QWEN2 {
    @Override
    int next(char[] text, int start, int end) {
      return nextCl100k(text, start, end, 1);
    }
  },

  /**
   * GPT-4o (o200k). U stands for {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}, L for {@code
   * [\p{Ll}\p{Lm}\p{Lo}\p{M}]}, C for {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)}.
   *
   * <pre>[^\r\n\p{L}\p{N}]?U*L+C?|[^\r\n\p{L}\p{N}]?U+L*C?|\p{N}{1,3}
   * | ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+</pre>
   */
  O200K {
    @Override
    int next(char[] text, int start, int end) {
      int word = wordEnd(text, start, end);
      if (word > 0) {
        if (word < end && text[word] == '\'') {
          return Math.max(word, contractionEnd(text, word, end, true));
        }
        return word;
      }
      return nextAfterWords(text, start, end, 3, true);
    }
  };

  private static final int UPPER_RUN = CharClasses.UPPER | CharClasses.CASELESS | CharClasses.MARK;
  private static final int LOWER_RUN = CharClasses.LOWER | CharClasses.CASELESS | CharClasses.MARK;

  /**
   * The end of the piece that starts at {@code start}.
   *
   * @param text well-formed text
   * @param start where the piece starts, below {@code end}
   * @param end where the text ends
   */
  abstract int next(char[] text, int start, int end);

  /**
   * Whether a piece ends between the two characters in every pattern here, whatever stands around
   * them: a space is the start of a piece unless white space goes before it, and after a line end
   * nothing goes on but white space and, in o200k, slashes.
   */
  static boolean alwaysCutBetween(char before, char after) {
    if (after == ' ') {
      return CharClasses.ofChar(before) != CharClasses.SPACE;
    }
    return before == '\n' && after != '/' && CharClasses.ofChar(after) != CharClasses.SPACE;
  }

  private static int groupOf(int kind) {
    if ((kind & CharClasses.LETTER) != 0) {
      return CharClasses.LETTER;
    }
    return kind == CharClasses.NUMBER ? CharClasses.NUMBER : CharClasses.REST;
  }

  private static int nextCl100k(char[] text, int start, int end, int digits) {
    char first = text[start];
    if (first == '\'') {
      int contraction = contractionEnd(text, start, end, true);
      if (contraction > 0) {
        return contraction;
      }
    }
    int kind = CharClasses.at(text, start);
    if ((kind & CharClasses.LETTER) != 0) {
      return CharClasses.runEnd(text, start, end, CharClasses.LETTER);
    }
    if (kind != CharClasses.NUMBER && !isLineEnd(first)) {
      int after = start + (Character.isHighSurrogate(first) ? 2 : 1);
      int letters = CharClasses.runEnd(text, after, end, CharClasses.LETTER);
      if (letters > after) {
        return letters;
      }
    }
    return nextAfterWords(text, start, end, digits, false);
  }

  /** The alternatives after the words: numbers, the rest with its line ends, white space. */
  private static int nextAfterWords(
      char[] text, int start, int end, int digits, boolean withSlashes) {
    int kind = CharClasses.at(text, start);
    if (kind == CharClasses.NUMBER) {
      int at = start;
      for (int i = 0; i < digits && at < end; i++) {
        if (CharClasses.at(text, at) != CharClasses.NUMBER) {
          break;
        }
        at += Character.isHighSurrogate(text[at]) ? 2 : 1;
      }
      return at;
    }
    int rest = start + (text[start] == ' ' ? 1 : 0);
    int at = CharClasses.runEnd(text, rest, end, CharClasses.REST);
    if (at > rest) {
      while (at < end && (isLineEnd(text[at]) || (withSlashes && text[at] == '/'))) {
        at++;
      }
      return at;
    }
    int spaces = CharClasses.runEnd(text, start, end, CharClasses.SPACE);
    for (int i = spaces - 1; i >= start; i--) {
      if (isLineEnd(text[i])) {
        return i + 1;
      }
    }
    return whiteSpaceEnd(text, start, end);
  }

  private static boolean isLineEnd(char c) {
    return c == '\n' || c == '\r';
  }

  /** The end of o200k's first two alternatives without the contraction, or 0. */
  private static int wordEnd(char[] text, int start, int end) {
    int kind = CharClasses.at(text, start);
    boolean prefix =
        (kind & (CharClasses.LETTER | CharClasses.NUMBER)) == 0 && !isLineEnd(text[start]);
    int after = prefix ? start + (Character.isHighSurrogate(text[start]) ? 2 : 1) : start;
    int found = prefix ? lowerEnd(text, after, end) : 0;
    if (found == 0) {
      found = lowerEnd(text, start, end);
    }
    if (found == 0 && prefix) {
      int upper = CharClasses.runEnd(text, after, end, UPPER_RUN);
      found = upper > after ? upper : 0;
    }
    if (found == 0) {
      int upper = CharClasses.runEnd(text, start, end, UPPER_RUN);
      found = upper > start ? upper : 0;
    }
    return found;
  }

  /** The end of {@code U*L+}, or 0: what U* took too much it gives back up to its last L. */
  private static int lowerEnd(char[] text, int start, int end) {
    int at = start;
    int lastOfBoth = 0;
    while (at < end) {
      int kind = CharClasses.at(text, at);
      if ((kind & UPPER_RUN) == 0) {
        if (kind == CharClasses.LOWER) {
          return CharClasses.runEnd(text, at, end, LOWER_RUN);
        }
        break;
      }
      at += Character.isHighSurrogate(text[at]) ? 2 : 1;
      if (kind != CharClasses.UPPER) {
        lastOfBoth = at;
      }
    }
    return lastOfBoth;
  }

  private static int whiteSpaceEnd(char[] text, int start, int end) {
    int at = CharClasses.runEnd(text, start, end, CharClasses.SPACE);
    return at < end && at > start + 1 ? at - 1 : at;
  }

  /** The end of 's, 't, 'm, 'd, 're, 've or 'll at {@code start}, or 0. */
  private static int contractionEnd(char[] text, int start, int end, boolean ignoreCase) {
    if (start + 1 >= end) {
      return 0;
    }
    char second = fold(text[start + 1], ignoreCase);
    char third = start + 2 < end ? fold(text[start + 2], ignoreCase) : 0;
    return switch (second) {
      case 's', 't', 'm', 'd' -> start + 2;
      case 'r', 'v' -> third == 'e' ? start + 3 : 0;
      case 'l' -> third == 'l' ? start + 3 : 0;
      default -> 0;
    };
  }

  /** Simple case folding as far as contractions need it; the long s folds to s. */
  private static char fold(char c, boolean ignoreCase) {
    if (!ignoreCase) {
      return c;
    }
    if (c >= 'A' && c <= 'Z') {
      return (char) (c + 32);
    }
    return c == '\u017F' ? 's' : c;
  }
}
