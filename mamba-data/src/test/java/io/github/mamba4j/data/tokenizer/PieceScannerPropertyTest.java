package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The hand-written scanner against the regular expression it stands for. */
class PieceScannerPropertyTest {

  private static final Map<PieceScanner, Pattern> PATTERNS =
      Map.of(
          PieceScanner.GPT2,
          pattern("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"),
          PieceScanner.CL100K,
          pattern(
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                  + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"),
          PieceScanner.QWEN2,
          pattern(
              "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}"
                  + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]"),
          PieceScanner.O200K,
          pattern(
              "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*"
                  + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                  + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
                  + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                  + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+"));

  private static Pattern pattern(String start) {
    return Pattern.compile(start + "|\\s+(?!\\S)|\\s+", Pattern.UNICODE_CHARACTER_CLASS);
  }

  @ParameterizedTest
  @EnumSource(PieceScanner.class)
  void next_randomText_cutsAsTheRegularExpression(PieceScanner scanner) {
    RandomText texts = new RandomText(20261122);
    for (int i = 0; i < 20_000; i++) {
      assertSamePieces(scanner, texts.next());
    }
  }

  @ParameterizedTest
  @EnumSource(PieceScanner.class)
  void next_everyCodePointBetweenOthers_cutsAsTheRegularExpression(PieceScanner scanner) {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
        continue;
      }
      String s = Character.toString(c);
      String text = "a" + s + "1" + s + " " + s + s + "  " + s + ".";
      if (!scan(scanner, text).equals(regex(scanner, text))) {
        assertSamePieces(scanner, text);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(PieceScanner.class)
  void next_apostrophes_cutsAsTheRegularExpression(PieceScanner scanner) {
    String[] parts = {"'", "s", "T", "r", "E", "v", "m", "l", "d", " ", "\n", "\u017F", "!", "/"};
    for (String a : parts) {
      for (String b : parts) {
        for (String c : parts) {
          for (String d : parts) {
            assertSamePieces(scanner, a + b + c + d);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(PieceScanner.class)
  void alwaysCutBetween_randomText_isWhereAPieceEnds(PieceScanner scanner) {
    RandomText texts = new RandomText(3);
    int places = 0;
    for (int i = 0; i < 10_000; i++) {
      String text = texts.next() + "!\n/" + texts.next() + " \n" + texts.next();
      Set<Integer> ends = new HashSet<>();
      int end = 0;
      for (String piece : scan(scanner, text)) {
        end += piece.length();
        ends.add(end);
      }
      for (int at = 1; at < text.length(); at++) {
        if (PieceScanner.alwaysCutBetween(text.charAt(at - 1), text.charAt(at))) {
          assertThat(ends).as("ends in \"%s\"", text).contains(at);
          places++;
        }
      }
    }
    assertThat(places).isGreaterThan(10_000);
  }

  private static void assertSamePieces(PieceScanner scanner, String text) {
    assertThat(scan(scanner, text)).as("pieces of \"%s\"", text).isEqualTo(regex(scanner, text));
  }

  private static List<String> scan(PieceScanner scanner, String text) {
    List<String> pieces = new ArrayList<>();
    char[] chars = text.toCharArray();
    for (int from = 0; from < chars.length; ) {
      int to = scanner.next(chars, from, chars.length);
      pieces.add(text.substring(from, to));
      from = to;
    }
    return pieces;
  }

  private static List<String> regex(PieceScanner scanner, String text) {
    List<String> pieces = new ArrayList<>();
    Matcher matcher = PATTERNS.get(scanner).matcher(text);
    while (matcher.find()) {
      pieces.add(matcher.group());
    }
    return pieces;
  }
}
