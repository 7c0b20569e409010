package io.github.mamba4j.data.tokenizer;

import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Translates the regular expressions of tokenizer files, which are in Oniguruma's syntax over
 * Unicode, to {@link Pattern}'s. What means the same in both, or has a spelling that does, is
 * translated; everything else is refused, because a wrong guess would give other token ids.
 *
 * <p>Reference: Oniguruma regular expressions, version 6.9 (its document RE).
 */
final class OnigurumaSyntax {

  private static final int FLAGS =
      Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;

  private static final int MAX_NESTING = 100;
  private static final int MAX_REPEATS = 100_000;

  private static final Set<String> CATEGORIES =
      Set.of(
          "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me",
          "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc",
          "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs");

  private final String source;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int depth;

  /** Whether what was translated last can be repeated. */
  private boolean repeatable;

  private OnigurumaSyntax(String source) {
    this.source = source;
  }

  /**
   * Compiles an expression.
   *
   * @throws PatternSyntaxException if it is wrong or has something that is not supported
   */
  static Pattern compile(String source) {
    String translated = new OnigurumaSyntax(source).translate();
    try {
      return Pattern.compile(translated, FLAGS);
    } catch (StackOverflowError e) {
      throw new PatternSyntaxException("it is nested too deeply", source, -1);
    }
  }

  private String translate() {
    while (at < source.length()) {
      element();
    }
    return out.toString();
  }

  private PatternSyntaxException unsupported(String what, int index) {
    return new PatternSyntaxException(what, source, index);
  }

  private char peek(int offset) {
    return at + offset < source.length() ? source.charAt(at + offset) : '\0';
  }

  private void element() {
    char c = source.charAt(at);
    switch (c) {
      case '\\' -> {
        escape(false);
        repeatable = true;
      }
      case '[' -> {
        characterClass();
        repeatable = true;
      }
      case '(' -> group();
      case ')' -> {
        depth--;
        copy(1);
        repeatable = true;
      }
      case '*', '+', '?' -> simpleRepeat();
      case '{' -> interval();
      case '|', '^', '$' -> {
        copy(1);
        repeatable = false;
      }
      case '.' -> {
        copy(1);
        repeatable = true;
      }
      default -> {
        literal();
        repeatable = true;
      }
    }
  }

  private void copy(int count) {
    out.append(source, at, at + count);
    at += count;
  }

  private void literal() {
    int codePoint = source.codePointAt(at);
    literal(codePoint);
    at += Character.charCount(codePoint);
  }

  /** Writes a code point so that it stands for itself inside and outside of classes. */
  private void literal(int codePoint) {
    if (codePoint < 0x80 && !Character.isLetterOrDigit(codePoint)) {
      out.append(String.format(java.util.Locale.ROOT, "\\x%02x", codePoint));
    } else {
      out.appendCodePoint(codePoint);
    }
  }

  /** {@code * + ?}, alone, lazy or possessive. */
  private void simpleRepeat() {
    if (!repeatable) {
      throw unsupported("\"" + source.charAt(at) + "\" has nothing to repeat", at);
    }
    copy(1);
    if (peek(0) == '?' || peek(0) == '+') {
      copy(1);
    }
    // In both syntaxes a further one would repeat the repetition; nobody means that.
    repeatable = false;
  }

  /** <code>{n}</code>, <code>{n,}</code>, <code>{,m}</code>, <code>{n,m}</code>, or a brace. */
  private void interval() {
    int close = source.indexOf('}', at);
    String body = close < 0 ? "" : source.substring(at + 1, close);
    if (!body.matches("[0-9]+|[0-9]*,[0-9]+|[0-9]+,")) {
      literal();
      repeatable = true;
      return;
    }
    if (!repeatable) {
      throw unsupported("\"{" + body + "}\" has nothing to repeat", at);
    }
    for (String bound : body.split(",", -1)) {
      if (bound.length() > 6 || (!bound.isEmpty() && Integer.parseInt(bound) > MAX_REPEATS)) {
        throw unsupported("{" + body + "} repeats too often", at);
      }
    }
    int start = at;
    out.append('{').append(body.startsWith(",") ? "0" : "").append(body).append('}');
    at = close + 1;
    if (peek(0) == '+') {
      throw unsupported("{" + body + "}+, which is not possessive in Oniguruma", start);
    }
    if (peek(0) == '?') {
      if (body.indexOf(',') < 0) {
        throw unsupported("{" + body + "}?, which is not lazy in Oniguruma", start);
      }
      copy(1);
    }
    repeatable = false;
  }

  private void group() {
    if (++depth > MAX_NESTING) {
      throw unsupported("groups are nested more than " + MAX_NESTING + " deep", at);
    }
    repeatable = false;
    if (peek(1) != '?') {
      out.append("(?:"); // captures are never asked for, and back references refused
      at++;
      return;
    }
    for (String start : new String[] {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (source.startsWith(start, at)) {
        copy(start.length());
        return;
      }
    }
    for (String start : new String[] {"(?i:", "(?-i:"}) {
      if (source.startsWith(start, at)) {
        copy(start.length());
        return;
      }
    }
    if (at == 0 && source.startsWith("(?i)")) {
      depth--;
      copy(4);
      return;
    }
    int end = Math.min(source.length(), at + 4);
    throw unsupported("the group \"" + source.substring(at, end) + "\"", at);
  }

  private void escape(boolean inClass) {
    int start = at;
    char c = peek(1);
    at += 2;
    switch (c) {
      case 's', 'S' -> out.append('\\').append(c);
      case 'd' -> out.append("\\p{Nd}");
      case 'D' -> out.append("\\P{Nd}");
      case 'w' -> out.append("[\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}]");
      case 'W' -> out.append("[^\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}]");
      case 'h' -> out.append("[0-9a-fA-F]");
      case 'H' -> out.append("[^0-9a-fA-F]");
      case 'n' -> out.append("\\n");
      case 'r' -> out.append("\\r");
      case 't' -> out.append("\\t");
      case 'f' -> out.append("\\f");
      case 'v' -> out.append("\\x0b");
      case 'a' -> out.append("\\x07");
      case 'e' -> out.append("\\x1b");
      case 'p', 'P' -> property(c == 'P', start);
      case 'x' -> hexadecimal(start);
      case 'u' -> literal(hexDigits(4, 4, start));
      case 'A', 'z' -> {
        if (inClass) {
          throw unsupported("\\" + c + " in a class", start);
        }
        out.append('\\').append(c);
      }
      default -> {
        if (c >= 0x80 || c <= ' ' || Character.isLetterOrDigit(c)) {
          throw unsupported("\\" + (start + 1 < source.length() ? c : "") + "", start);
        }
        literal(c);
      }
    }
  }

  private void hexadecimal(int start) {
    if (peek(0) != '{') {
      int value = hexDigits(1, 2, start);
      if (value >= 0x80) {
        throw unsupported("\\x of a byte that is no character", start);
      }
      literal(value);
      return;
    }
    at++;
    int value = hexDigits(1, 6, start);
    if (peek(0) != '}' || !Character.isValidCodePoint(value)) {
      throw unsupported("\\x{…} that is no code point", start);
    }
    at++;
    literal(value);
  }

  private int hexDigits(int least, int most, int start) {
    int value = 0;
    int digits = 0;
    while (digits < most && Character.digit(peek(0), 16) >= 0 && peek(0) < 0x80) {
      value = value * 16 + Character.digit(peek(0), 16);
      digits++;
      at++;
    }
    if (digits < least || (value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE)) {
      throw unsupported("a hexadecimal escape that is no character", start);
    }
    return value;
  }

  /** A general category or a script. */
  private void property(boolean negated, int start) {
    int close = source.indexOf('}', at);
    if (peek(0) != '{' || close < 0) {
      throw unsupported("\\p without {…}", start);
    }
    boolean caret = peek(1) == '^';
    String name = source.substring(at + (caret ? 2 : 1), close);
    String translated;
    if (CATEGORIES.contains(name)) {
      translated = name;
    } else if (name.equals("Alphabetic") || isScript(name)) {
      translated = "Is" + name;
    } else {
      throw unsupported("the property \\p{" + name + "}", start);
    }
    out.append(negated ^ caret ? "\\P{" : "\\p{").append(translated).append('}');
    at = close + 1;
  }

  private static boolean isScript(String name) {
    if (name.length() < 3 || !name.chars().allMatch(c -> c == '_' || Character.isLetter(c))) {
      return false;
    }
    try {
      return !Character.UnicodeScript.forName(name).name().isEmpty();
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /** A class in brackets; brackets within it are united with the rest, as in both syntaxes. */
  private void characterClass() {
    int start = at;
    if (++depth > MAX_NESTING) {
      throw unsupported("classes are nested more than " + MAX_NESTING + " deep", at);
    }
    if (peek(1) == ':') {
      throw unsupported("a POSIX bracket [:…:]", at);
    }
    copy(1);
    if (peek(0) == '^') {
      copy(1);
    }
    if (peek(0) == ']') {
      throw unsupported("an empty class or one that starts with ]", start);
    }
    while (peek(0) != ']') {
      if (at >= source.length()) {
        throw unsupported("a class without its end", start);
      }
      switch (peek(0)) {
        case '[' -> characterClass();
        case '\\' -> escape(true);
        case '&' -> {
          if (peek(1) == '&') {
            throw unsupported("an intersection of classes", at);
          }
          literal();
        }
        case '-' -> range(start);
        default -> literal();
      }
    }
    copy(1);
    depth--;
  }

  /** A minus sign between two characters is a range, at either end of the class it is itself. */
  private void range(int start) {
    if (peek(1) == ']' || peek(-1) == '[' || (peek(-1) == '^' && at - 2 == start)) {
      literal();
    } else if (peek(1) == '[' || peek(1) == '-') {
      throw unsupported("a range without an end", at);
    } else {
      copy(1);
    }
  }
}
