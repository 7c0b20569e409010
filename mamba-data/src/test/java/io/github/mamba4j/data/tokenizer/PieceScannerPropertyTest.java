package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The hand-written scanner against the regular expression it stands for. */
class PieceScannerPropertyTest {

  private static final Pattern GPT2 =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          Pattern.UNICODE_CHARACTER_CLASS);

  @Test
  void next_randomText_cutsAsTheRegularExpression() {
    RandomText texts = new RandomText(20261122);
    for (int i = 0; i < 20_000; i++) {
      assertSamePieces(texts.next());
    }
  }

  @Test
  void next_everyCodePointBetweenOthers_cutsAsTheRegularExpression() {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
        continue;
      }
      String s = Character.toString(c);
      String text = "a" + s + "1" + s + " " + s + s + "  " + s + ".";
      if (!scan(text).equals(regex(text))) {
        assertSamePieces(text);
      }
    }
  }

  @Test
  void next_apostrophes_cutsAsTheRegularExpression() {
    String[] parts = {"'", "s", "t", "r", "e", "v", "m", "l", "d", " ", "\n", "x", "!"};
    for (String a : parts) {
      for (String b : parts) {
        for (String c : parts) {
          for (String d : parts) {
            assertSamePieces(a + b + c + d);
          }
        }
      }
    }
  }

  private static void assertSamePieces(String text) {
    assertThat(scan(text)).as("pieces of \"%s\"", text).isEqualTo(regex(text));
  }

  private static List<String> scan(String text) {
    List<String> pieces = new ArrayList<>();
    char[] chars = text.toCharArray();
    for (int from = 0; from < chars.length; ) {
      int to = PieceScanner.next(chars, from, chars.length);
      pieces.add(text.substring(from, to));
      from = to;
    }
    return pieces;
  }

  private static List<String> regex(String text) {
    List<String> pieces = new ArrayList<>();
    Matcher matcher = GPT2.matcher(text);
    while (matcher.find()) {
      pieces.add(matcher.group());
    }
    return pieces;
  }
}
