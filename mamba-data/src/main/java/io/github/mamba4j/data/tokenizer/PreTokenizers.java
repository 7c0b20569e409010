package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The steps that {@code tokenizer.json} names, and how they are read. */
final class PreTokenizers {

  /** The regular expressions that have a scanner; spellings that cut alike share one. */
  private static final Map<String, PieceScanner> SCANNERS =
      Map.of(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          PieceScanner.GPT2,
          cl100k("\\p{N}{1,3}"),
          PieceScanner.CL100K,
          gpt4("\\p{N}{1,3}"),
          PieceScanner.CL100K,
          cl100k("\\p{N}"),
          PieceScanner.QWEN2,
          gpt4("\\p{N}"),
          PieceScanner.QWEN2,
          o200k(),
          PieceScanner.O200K);

  private PreTokenizers() {}

  /** The expression of GPT-4 as Llama 3 and Qwen 2 write it. */
  static String cl100k(String numbers) {
    return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
        + numbers
        + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  /** The expression of GPT-4 as tiktoken first wrote it. */
  private static String gpt4(String numbers) {
    return "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|"
        + numbers
        + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
  }

  /** The expression of GPT-4o. */
  static String o200k() {
    String upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    String lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    String prefix = "[^\\r\\n\\p{L}\\p{N}]?";
    String contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
    return prefix
        + upper
        + "*"
        + lower
        + "+"
        + contraction
        + "|"
        + prefix
        + upper
        + "+"
        + lower
        + "*"
        + contraction
        + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  /** Cuts with a scanner. */
  record Scan(PieceScanner scanner) implements PreTokenizer {
    @Override
    public void cut(char[] text, int from, int to, boolean atStart, PieceSink sink) {
      cutPart(text, from, to, to, atStart, sink);
    }

    /**
     * Cuts {@code text[from, limit)}, where a piece ends, of a piece that goes on to {@code to}.
     */
    void cutPart(char[] text, int from, int limit, int to, boolean atStart, PieceSink sink) {
      boolean first = atStart;
      for (int at = from; at < limit; ) {
        int next = scanner.next(text, at, to);
        sink.piece(text, at, next, first);
        at = next;
        first = false;
      }
    }
  }

  /** Puts a space before a piece that does not start with one. */
  record PrefixSpace() implements PreTokenizer {
    @Override
    public void cut(char[] text, int from, int to, boolean atStart, PieceSink sink) {
      if (text[from] == ' ') {
        sink.piece(text, from, to, atStart);
        return;
      }
      char[] prefixed = new char[to - from + 1];
      prefixed[0] = ' ';
      System.arraycopy(text, from, prefixed, 1, to - from);
      sink.piece(prefixed, 0, prefixed.length, atStart);
    }
  }

  /** Writes a piece as the characters that stand for its bytes. */
  record ToByteAlphabet() implements PreTokenizer {
    @Override
    public void cut(char[] text, int from, int to, boolean atStart, PieceSink sink) {
      byte[] bytes = new String(text, from, to - from).getBytes(StandardCharsets.UTF_8);
      sink.piece(ByteAlphabet.encode(bytes).toCharArray(), 0, bytes.length, atStart);
    }
  }

  /** Cuts at the matches of a pattern. */
  record Split(TextPattern pattern, SplitBehavior behavior, boolean invert)
      implements PreTokenizer {
    @Override
    public void cut(char[] text, int from, int to, boolean atStart, PieceSink sink) {
      for (Cut cut : cuts(text, from, to)) {
        if (cut.from < cut.to) {
          sink.piece(text, cut.from, cut.to, atStart && cut.from == from);
        }
      }
    }

    private static final class Cut {
      int from;
      int to;
      final boolean match;

      Cut(int from, int to, boolean match) {
        this.from = from;
        this.to = to;
        this.match = match;
      }
    }

    private List<Cut> cuts(char[] text, int from, int to) {
      List<Cut> parts = new ArrayList<>();
      int[] done = {from};
      pattern.find(
          text,
          from,
          to,
          (start, end) -> {
            if (done[0] != start) {
              parts.add(new Cut(done[0], start, invert));
            }
            parts.add(new Cut(start, end, !invert));
            done[0] = end;
          });
      if (done[0] != to) {
        parts.add(new Cut(done[0], to, invert));
      }
      return switch (behavior) {
        case ISOLATED -> parts;
        case REMOVED -> parts.stream().filter(part -> !part.match).toList();
        case CONTIGUOUS -> contiguous(parts);
        case MERGED_WITH_PREVIOUS -> mergedWithPrevious(parts);
        case MERGED_WITH_NEXT -> mergedWithPrevious(parts.reversed()).reversed();
      };
    }

    private static List<Cut> contiguous(List<Cut> parts) {
      List<Cut> joined = new ArrayList<>();
      for (Cut part : parts) {
        if (!joined.isEmpty() && joined.getLast().match == part.match) {
          joined.getLast().to = part.to;
        } else {
          joined.add(part);
        }
      }
      return joined;
    }

    /** Joins a match to the rest before it, in the order given; matches do not join matches. */
    private static List<Cut> mergedWithPrevious(List<Cut> parts) {
      List<Cut> joined = new ArrayList<>();
      boolean previousMatch = false;
      for (Cut part : parts) {
        if (part.match && !previousMatch && !joined.isEmpty()) {
          Cut last = joined.getLast();
          last.from = Math.min(last.from, part.from);
          last.to = Math.max(last.to, part.to);
        } else {
          joined.add(part);
        }
        previousMatch = part.match;
      }
      return joined;
    }
  }

  /**
   * Spaces as a visible character, one of it before the text, and a cut before each.
   *
   * @param replacement the character
   * @param onlyAtStart whether it goes before the start of the whole text only
   * @param prepend whether it goes before a piece at all
   * @param split what cuts, or null for nothing
   */
  record Metaspace(
      char replacement,
      boolean prepend,
      boolean onlyAtStart,
      @org.jspecify.annotations.Nullable Split split)
      implements PreTokenizer {
    @Override
    public void cut(char[] text, int from, int to, boolean atStart, PieceSink sink) {
      char first = text[from] == ' ' ? replacement : text[from];
      boolean prepends = prepend && first != replacement && (atStart || !onlyAtStart);
      char[] changed = new char[to - from + (prepends ? 1 : 0)];
      int n = 0;
      if (prepends) {
        changed[n++] = replacement;
      }
      for (int i = from; i < to; i++) {
        changed[n++] = text[i] == ' ' ? replacement : text[i];
      }
      if (split == null) {
        sink.piece(changed, 0, n, atStart);
      } else {
        split.cut(changed, 0, n, atStart, sink);
      }
    }
  }

  /** Reads a pre-tokenizer into the steps it takes; null is none. */
  static List<PreTokenizer> read(JsonValue json) throws DataException {
    List<PreTokenizer> steps = new ArrayList<>();
    if (!json.isNull()) {
      read(json, steps);
    }
    return steps;
  }

  private static void read(JsonValue json, List<PreTokenizer> steps) throws DataException {
    switch (json.get("type").string()) {
      case "ByteLevel" -> readByteLevel(json, steps);
      case "Split" -> steps.add(readSplit(json));
      case "Digits" -> {
        json.allowOnly("type", "individual_digits");
        boolean individual = json.get("individual_digits").bool();
        steps.add(
            new Split(
                TextPattern.codePoints(CharClasses::isNumber),
                individual ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS,
                false));
      }
      case "Punctuation" -> {
        json.allowOnly("type", "behavior");
        SplitBehavior behavior =
            json.has("behavior")
                ? json.get("behavior").oneOf(SplitBehavior.values())
                : SplitBehavior.ISOLATED;
        steps.add(new Split(TextPattern.codePoints(CharClasses::isPunctuation), behavior, false));
      }
      case "WhitespaceSplit" -> {
        json.allowOnly("type");
        steps.add(
            new Split(
                TextPattern.codePoints(CharClasses::isWhiteSpace), SplitBehavior.REMOVED, false));
      }
      case "Metaspace" -> steps.add(readMetaspace(json));
      case "Sequence" -> {
        json.allowOnly("type", "pretokenizers");
        for (JsonValue part : json.get("pretokenizers").items()) {
          read(part, steps);
        }
      }
      default ->
          throw json.unsupportedType(
              "ByteLevel, Split, Digits, Punctuation, WhitespaceSplit, Metaspace, Sequence");
    }
  }

  private static void readByteLevel(JsonValue json, List<PreTokenizer> steps) throws DataException {
    json.allowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
    if (json.get("add_prefix_space").bool()) {
      steps.add(new PrefixSpace());
    }
    json.get("trim_offsets").boolOr(true); // moves offsets, which nobody asks for here
    if (json.get("use_regex").boolOr(true)) {
      steps.add(new Scan(PieceScanner.GPT2));
    }
    steps.add(new ToByteAlphabet());
  }

  private static PreTokenizer readSplit(JsonValue json) throws DataException {
    json.allowOnly("type", "pattern", "behavior", "invert");
    JsonValue pattern = json.get("pattern");
    SplitBehavior behavior = json.get("behavior").oneOf(SplitBehavior.values());
    boolean invert = json.get("invert").bool();
    TextPattern found = TextPattern.read(pattern);
    if (pattern.has("Regex")) {
      PieceScanner scanner = SCANNERS.get(pattern.get("Regex").string());
      // The matches of these cover all text, so there is nothing else to isolate or remove.
      if (scanner != null
          && behavior == (invert ? SplitBehavior.REMOVED : SplitBehavior.ISOLATED)) {
        return new Scan(scanner);
      }
    }
    return new Split(found, behavior, invert);
  }

  private static PreTokenizer readMetaspace(JsonValue json) throws DataException {
    json.allowOnly("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
    String replacement = json.get("replacement").text();
    if (replacement.length() != 1) {
      throw json.get("replacement").error("is not one character of the basic plane");
    }
    String scheme = json.has("prepend_scheme") ? json.get("prepend_scheme").string() : "always";
    if (!List.of("first", "always", "never").contains(scheme)) {
      throw json.get("prepend_scheme")
          .error("is \"" + scheme + "\", expected \"first\", \"always\" or \"never\"");
    }
    if (!json.get("add_prefix_space").boolOr(true)) {
      if (json.has("prepend_scheme")) {
        json.get("prepend_scheme").expect("never");
      }
      scheme = "never";
    }
    char visible = replacement.charAt(0);
    Split split =
        new Split(TextPattern.codePoints(c -> c == visible), SplitBehavior.MERGED_WITH_NEXT, false);
    return new Metaspace(
        visible,
        !scheme.equals("never"),
        scheme.equals("first"),
        json.get("split").boolOr(true) ? split : null);
  }
}
