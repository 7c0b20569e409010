package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Finds matches in text: a literal, a regular expression or single code points. */
abstract class TextPattern {

  /** Takes the matches from left to right; one may be empty. */
  @FunctionalInterface
  interface Matches {
    void match(int from, int to);
  }

  /** Finds all matches within {@code text[from, to)}, which stands for a whole text. */
  abstract void find(char[] text, int from, int to, Matches matches);

  /** Replaces every match. */
  final String replaceAll(String text, String content) {
    char[] chars = text.toCharArray();
    StringBuilder result = new StringBuilder(chars.length);
    int[] done = {0};
    find(
        chars,
        0,
        chars.length,
        (from, to) -> {
          result.append(chars, done[0], from - done[0]).append(content);
          done[0] = to;
        });
    return result.append(chars, done[0], chars.length - done[0]).toString();
  }

  /** Reads <code>{"String": …}</code> or <code>{"Regex": …}</code>. */
  static TextPattern read(JsonValue json) throws DataException {
    json.allowOnly("String", "Regex");
    if (json.has("String") == json.has("Regex")) {
      throw json.error("has to have one of \"String\" and \"Regex\"");
    }
    return json.has("String") ? literal(json.get("String").text()) : regex(json.get("Regex"));
  }

  /** Every code point that the predicate accepts. */
  static TextPattern codePoints(IntPredicate predicate) {
    return new TextPattern() {
      @Override
      void find(char[] text, int from, int to, Matches matches) {
        for (int at = from; at < to; ) {
          int codePoint = Character.codePointAt(text, at, to);
          int next = at + Character.charCount(codePoint);
          if (predicate.test(codePoint)) {
            matches.match(at, next);
          }
          at = next;
        }
      }
    };
  }

  /** A text as it stands, not empty. */
  static TextPattern literal(String literal) {
    char[] wanted = literal.toCharArray();
    return new TextPattern() {
      @Override
      void find(char[] text, int from, int to, Matches matches) {
        for (int at = from; at + wanted.length <= to; ) {
          if (java.util.Arrays.equals(text, at, at + wanted.length, wanted, 0, wanted.length)) {
            matches.match(at, at + wanted.length);
            at += wanted.length;
          } else {
            at++;
          }
        }
      }
    };
  }

  /** A regular expression in Oniguruma's syntax. */
  static TextPattern regex(JsonValue json) throws DataException {
    String source = json.text();
    Pattern pattern;
    try {
      pattern = OnigurumaSyntax.compile(source);
    } catch (PatternSyntaxException e) {
      throw json.error(
          "is the regular expression \""
              + source
              + "\", which is not supported: "
              + e.getDescription()
              + " at index "
              + Math.max(0, e.getIndex()));
    }
    return new RegexPattern(source, pattern);
  }

  private static final class RegexPattern extends TextPattern {

    private final String source;
    private final Pattern pattern;

    RegexPattern(String source, Pattern pattern) {
      this.source = source;
      this.pattern = pattern;
    }

    @Override
    void find(char[] text, int from, int to, Matches matches) {
      BudgetedText input = new BudgetedText(text, from, to, source);
      Matcher matcher = pattern.matcher(input).useTransparentBounds(true).useAnchoringBounds(false);
      int length = to - from;
      int lastEnd = -1;
      // As Oniguruma's iterator: an empty match right after a match does not count.
      for (int at = 0; at <= length; ) {
        if (!find(matcher.region(at, length))) {
          return;
        }
        int end = matcher.end();
        if (matcher.start() == end && end == lastEnd) {
          at += at < length ? Character.charCount(Character.codePointAt(input, at)) : 1;
        } else {
          matches.match(from + matcher.start(), from + end);
          at = end;
          lastEnd = end;
        }
      }
    }

    private boolean find(Matcher matcher) {
      try {
        return matcher.find();
      } catch (StackOverflowError e) {
        throw tooHard(source, e);
      }
    }
  }

  private static IllegalStateException tooHard(String source, Throwable cause) {
    return new IllegalStateException(
        "BpeTokenizer.encode: the tokenizer's regular expression \""
            + source
            + "\" needs too many steps for this text, expected one that does not backtrack much; "
            + "encode the text in shorter parts",
        cause);
  }

  /**
   * Text that counts how often it is read, so that an expression which backtracks without end gives
   * an error and not a thread that never comes back.
   */
  private static final class BudgetedText implements CharSequence {

    private static final long READS_PER_CHAR = 1_000;
    private static final long READS_AT_LEAST = 10_000_000;

    private final char[] text;
    private final int from;
    private final int to;
    private final String source;
    private long budget;

    BudgetedText(char[] text, int from, int to, String source) {
      this.text = text;
      this.from = from;
      this.to = to;
      this.source = source;
      this.budget = READS_AT_LEAST + READS_PER_CHAR * (to - from);
    }

    @Override
    public int length() {
      return to - from;
    }

    @Override
    public char charAt(int index) {
      if (--budget < 0) {
        throw tooHard(source, new ArithmeticException("too many reads"));
      }
      return text[from + index];
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new String(text, from + start, end - start);
    }

    @Override
    public String toString() {
      return new String(text, from, to - from);
    }
  }
}
