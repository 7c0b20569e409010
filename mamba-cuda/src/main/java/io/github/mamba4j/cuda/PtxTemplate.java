package io.github.mamba4j.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * PTX with the few things that its assembler lacks: variants over sizes and types, unrolled loops
 * and macros. What is left when they are gone is plain PTX.
 *
 * <pre>{@code
 * //#include common             the lines of another file, once
 * //#for n in 0..4              n = 0, 1, 2, 3
 * //#for F in EXP TANH          each word
 * //#if F is EXP                or: //#if F not EXP
 * //#else
 * //#let next = n + 1           integers, + - * / %, no precedence: from left to right
 * //#set HALF 0f3F000000        the words as they are
 * //#macro square(y, x)         its lines, where //#square(%f1, %f2) stands
 * //#end                        of for, if and macro
 * ${n}, ${n * 4 + 8}            a variable or a sum, anywhere in a line
 * }</pre>
 *
 * <p>A macro's local registers belong into a block of their own, <code>{ .reg … }</code>, so that
 * it can stand in a place twice.
 */
final class PtxTemplate {
  private static final String MARK = "//#";
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}");
  private static final Pattern FOR = Pattern.compile("for (\\w+) in (.+)");
  private static final Pattern RANGE = Pattern.compile("(.+)\\.\\.(.+)");
  private static final Pattern IF = Pattern.compile("if (.+?) (is|not) (.+)");
  private static final Pattern LET = Pattern.compile("let (\\w+) = (.+)");
  private static final Pattern SET = Pattern.compile("set (\\w+) (.+)");
  private static final Pattern MACRO = Pattern.compile("macro (\\w+)\\(([^)]*)\\)");
  private static final Pattern CALL = Pattern.compile("(\\w+)\\((.*)\\)");
  private static final Pattern STEP = Pattern.compile("\\s*([-+*/%])?\\s*(\\w+)\\s*");
  private static final int DEEPEST = 64;

  /** A line and where it stands. */
  private record Line(String file, int number, String text) {
    String directive() {
      String trimmed = text.strip();
      return trimmed.startsWith(MARK) ? trimmed.substring(MARK.length()).strip() : "";
    }

    boolean isComment() {
      String trimmed = text.strip();
      return trimmed.startsWith("//") && !trimmed.startsWith(MARK);
    }

    IllegalArgumentException error(String problem) {
      return new IllegalArgumentException(file + ":" + number + ": " + problem);
    }
  }

  private record Macro(List<String> parameters, List<Line> body) {}

  private final UnaryOperator<String> files;
  private final Map<String, Macro> macros = new HashMap<>();
  private final List<String> included = new ArrayList<>();
  private final StringBuilder out = new StringBuilder();

  private PtxTemplate(UnaryOperator<String> files) {
    this.files = files;
  }

  /**
   * Expands a file.
   *
   * @param name its name
   * @param files gives the text of a file by its name
   * @param variables what is known before its first line
   * @return plain PTX
   * @throws IllegalArgumentException if a line cannot be understood; the message begins with file
   *     and line
   */
  static String expand(String name, UnaryOperator<String> files, Map<String, String> variables) {
    PtxTemplate template = new PtxTemplate(files);
    template.run(template.lines(name), new HashMap<>(variables), 0);
    return template.out.toString();
  }

  private List<Line> lines(String name) {
    included.add(name);
    String[] texts = files.apply(name).split("\n", -1);
    return IntStream.range(0, texts.length).mapToObj(i -> new Line(name, i + 1, texts[i])).toList();
  }

  private void run(List<Line> lines, Map<String, String> variables, int depth) {
    for (int i = 0; i < lines.size(); i++) {
      Line line = lines.get(i);
      String directive = line.directive();
      if (line.isComment()) {
        continue; // The assembler takes ASCII only.
      }
      if (directive.isEmpty()) {
        out.append(substitute(line, line.text(), variables)).append('\n');
      } else if (opens(directive)) {
        int end = end(lines, i);
        block(line, directive, lines.subList(i + 1, end), variables, depth + 1);
        i = end;
      } else {
        single(line, substitute(line, directive, variables), variables, depth + 1);
      }
    }
  }

  private static boolean opens(String directive) {
    return directive.startsWith("for ")
        || directive.startsWith("if ")
        || directive.startsWith("macro ");
  }

  /** Returns the index of the end of the block that a line opens. */
  private static int end(List<Line> lines, int first) {
    int open = 0;
    for (int i = first; i < lines.size(); i++) {
      String directive = lines.get(i).directive();
      if (opens(directive)) {
        open++;
      } else if (directive.equals("end") && --open == 0) {
        return i;
      }
    }
    throw lines.get(first).error("has no //#end");
  }

  private void block(
      Line line, String raw, List<Line> body, Map<String, String> variables, int depth) {
    Matcher macro = MACRO.matcher(raw);
    if (macro.matches()) {
      macros.put(macro.group(1), new Macro(words(macro.group(2), ","), body));
      return;
    }
    String directive = substitute(line, raw, variables);
    Matcher loop = FOR.matcher(directive);
    Matcher choice = IF.matcher(directive);
    if (loop.matches()) {
      for (String value : values(line, loop.group(2), variables)) {
        Map<String, String> inner = new HashMap<>(variables);
        inner.put(loop.group(1), value);
        run(body, inner, depth);
      }
    } else if (choice.matches()) {
      String left = variables.getOrDefault(choice.group(1), choice.group(1));
      boolean taken = left.equals(choice.group(3)) == choice.group(2).equals("is");
      run(branch(body, taken), variables, depth);
    } else {
      throw line.error("expected //#for V in …, //#if A is B or //#macro m(a, b)");
    }
  }

  /** Returns the lines before or after the else that belongs to a body. */
  private static List<Line> branch(List<Line> body, boolean first) {
    int open = 0;
    for (int i = 0; i < body.size(); i++) {
      String directive = body.get(i).directive();
      if (opens(directive)) {
        open++;
      } else if (directive.equals("end")) {
        open--;
      } else if (directive.equals("else") && open == 0) {
        return first ? body.subList(0, i) : body.subList(i + 1, body.size());
      }
    }
    return first ? body : List.of();
  }

  private void single(Line line, String directive, Map<String, String> variables, int depth) {
    if (depth > DEEPEST) {
      throw line.error("is nested too deeply; does a macro call itself?");
    }
    Matcher let = LET.matcher(directive);
    Matcher set = SET.matcher(directive);
    Matcher call = CALL.matcher(directive);
    if (directive.startsWith("include ")) {
      String name = directive.substring("include ".length()).strip();
      if (!included.contains(name)) {
        run(lines(name), variables, depth);
      }
    } else if (let.matches()) {
      variables.put(let.group(1), value(line, let.group(2), variables));
    } else if (set.matches()) {
      variables.put(set.group(1), set.group(2).strip());
    } else if (call.matches() && macros.containsKey(call.group(1))) {
      call(line, macros.get(call.group(1)), words(call.group(2), ","), variables, depth);
    } else {
      throw line.error("'" + MARK + directive + "' is no directive and no macro");
    }
  }

  private void call(
      Line line, Macro macro, List<String> arguments, Map<String, String> variables, int depth) {
    if (arguments.size() != macro.parameters().size()) {
      throw line.error("has " + arguments.size() + " arguments, expected " + macro.parameters());
    }
    Map<String, String> inner = new HashMap<>(variables);
    for (int i = 0; i < arguments.size(); i++) {
      inner.put(macro.parameters().get(i), arguments.get(i));
    }
    run(macro.body(), inner, depth);
  }

  private List<String> values(Line line, String text, Map<String, String> variables) {
    Matcher range = RANGE.matcher(text);
    if (!range.matches()) {
      return words(text, " ");
    }
    int from = integer(line, value(line, range.group(1), variables));
    int to = integer(line, value(line, range.group(2), variables));
    return IntStream.range(from, to).mapToObj(String::valueOf).toList();
  }

  private static List<String> words(String text, String separator) {
    List<String> words = new ArrayList<>();
    for (String word : text.split(separator, -1)) {
      if (!word.isBlank()) {
        words.add(word.strip());
      }
    }
    return words;
  }

  private static String substitute(Line line, String text, Map<String, String> variables) {
    Matcher matcher = VARIABLE.matcher(text);
    StringBuilder result = new StringBuilder();
    while (matcher.find()) {
      String value = value(line, matcher.group(1), variables);
      matcher.appendReplacement(result, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(result).toString();
  }

  /** Returns a variable's value, or what an expression comes to. */
  private static String value(Line line, String expression, Map<String, String> variables) {
    String name = expression.strip();
    if (variables.containsKey(name)) {
      return variables.get(name);
    }
    Matcher step = STEP.matcher(expression);
    int total = 0;
    int at = 0;
    while (at < expression.length()) {
      if (!step.find(at) || step.start() != at || (at == 0) != (step.group(1) == null)) {
        throw line.error("'" + expression + "' is no variable and no sum");
      }
      int operand = integer(line, variables.getOrDefault(step.group(2), step.group(2)));
      total = at == 0 ? operand : apply(step.group(1).charAt(0), total, operand);
      at = step.end();
    }
    return String.valueOf(total);
  }

  private static int apply(char operator, int left, int right) {
    return switch (operator) {
      case '+' -> left + right;
      case '-' -> left - right;
      case '*' -> left * right;
      case '/' -> left / right;
      default -> left % right;
    };
  }

  private static int integer(Line line, String text) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          line.error("'" + text + "' is not known and no integer").getMessage(), e);
    }
  }
}
