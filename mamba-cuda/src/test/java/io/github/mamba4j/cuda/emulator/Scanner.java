package io.github.mamba4j.cuda.emulator;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts PTX text into statements. */
final class Scanner {
  private static final Pattern SPACE = Pattern.compile("\\s+");

  /** Directives that end with their line, not with a semicolon. */
  private static final Pattern LINE_DIRECTIVE =
      Pattern.compile("\\.(version|target|address_size|file|loc)\\b");

  /** Two colons belong to modifiers such as L1::evict_last. */
  private static final Pattern LABEL = Pattern.compile("([\\w$%]+)[ \t]*:(?!:)");

  private final String text;
  private final List<Statement> statements = new ArrayList<>();
  private int at;
  private int line = 1;

  private Scanner(String text) {
    this.text = text;
  }

  static List<Statement> statements(String ptx) {
    Scanner scanner = new Scanner(withoutComments(ptx));
    while (scanner.next()) {
      // Each call appends one.
    }
    return scanner.statements;
  }

  /** Blanks comments, so that places stay what they are. */
  private static String withoutComments(String ptx) {
    StringBuilder plain = new StringBuilder(ptx);
    int i = 0;
    while (i + 1 < plain.length()) {
      if (plain.charAt(i) == '/' && plain.charAt(i + 1) == '/') {
        while (i < plain.length() && plain.charAt(i) != '\n') {
          plain.setCharAt(i++, ' ');
        }
      } else if (plain.charAt(i) == '/' && plain.charAt(i + 1) == '*') {
        int end = plain.indexOf("*/", i + 2);
        end = end < 0 ? plain.length() : end + 2;
        for (; i < end; i++) {
          if (plain.charAt(i) != '\n') {
            plain.setCharAt(i, ' ');
          }
        }
      } else {
        i++;
      }
    }
    return plain.toString();
  }

  private char skip() {
    char c = text.charAt(at++);
    if (c == '\n') {
      line++;
    }
    return c;
  }

  private boolean next() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      skip();
    }
    if (at == text.length()) {
      return false;
    }
    int first = line;
    char c = text.charAt(at);
    if (c == '{' || c == '}') {
      skip();
      Statement.Kind kind = c == '{' ? Statement.Kind.OPEN : Statement.Kind.CLOSE;
      statements.add(new Statement(kind, first, String.valueOf(c)));
    } else if (LINE_DIRECTIVE.matcher(text).region(at, text.length()).lookingAt()) {
      add(Statement.Kind.TEXT, first, until("\n"));
    } else if (c == '.') {
      add(Statement.Kind.TEXT, first, until(isInitialised() ? ";" : ";{"));
    } else {
      Matcher label = LABEL.matcher(text).region(at, text.length());
      if (label.lookingAt()) {
        at = label.end();
        add(Statement.Kind.LABEL, first, label.group(1));
      } else {
        add(Statement.Kind.TEXT, first, until(";"));
      }
    }
    return true;
  }

  private void add(Statement.Kind kind, int first, String statement) {
    statements.add(new Statement(kind, first, SPACE.matcher(statement.strip()).replaceAll(" ")));
  }

  /** Returns whether the declaration that begins here has values in braces. */
  private boolean isInitialised() {
    int semicolon = text.indexOf(';', at);
    int equals = text.indexOf('=', at);
    return equals >= 0 && equals < semicolon;
  }

  /** Returns the text before one of the characters and passes it, unless it is a brace. */
  private String until(String ends) {
    StringBuilder statement = new StringBuilder();
    while (at < text.length() && ends.indexOf(text.charAt(at)) < 0) {
      statement.append(skip());
    }
    if (at == text.length() && !statement.toString().isBlank() && !ends.equals("\n")) {
      throw new Statement(Statement.Kind.TEXT, line, statement.toString()).error("has no end");
    }
    if (at < text.length() && text.charAt(at) != '{') {
      skip();
    }
    return statement.toString();
  }
}
