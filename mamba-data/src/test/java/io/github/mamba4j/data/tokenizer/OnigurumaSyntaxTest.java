package io.github.mamba4j.data.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnigurumaSyntaxTest {

  private static String matches(String regex, String text) {
    List<String> found = new ArrayList<>();
    Matcher matcher = OnigurumaSyntax.compile(regex).matcher(text);
    while (matcher.find()) {
      found.add(matcher.group());
    }
    return String.join("|", found);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "\\p{L}+ ~ naïve 東京1 ~ naïve|東京",
        "\\p{^L} ~ a1 ~ 1",
        "\\P{L} ~ a1 ~ 1",
        "\\p{Han}+ ~ 東京タワー ~ 東京",
        "[\\p{Hiragana}ー]+ ~ 東らー京 ~ らー",
        "(?i:'s|'t) ~ It'S don't x'ſ ~ 'S|'t|'ſ",
        "\\s+(?!\\S) ~ `a   b` ~ `  `",
        "[^\\r\\n\\p{L}]?+\\p{L}+ ~ .ab cd ~ `.ab| cd`",
        "\\p{N}{1,3} ~ 12345 ~ 123|45",
        "\\d+ ~ 1٣½ ~ 1٣",
        "\\w+ ~ aé_1\u0301-b ~ aé_1\u0301|b",
        "[^\\w]+ ~ a-b ~ -",
        "\\h+ ~ xAf9g ~ Af9",
        "\\x41\\x{3042}\\u3044 ~ Aあい ~ Aあい",
        "[+\\-*/#&]+ ~ a+-*/#&b ~ +-*/#&",
        "[a-c-]+ ~ abc-d ~ abc-",
        "[^a[b]]+ ~ abcd ~ cd",
        "[一-龥]+ ~ a東京b ~ 東京",
        "(a|b){2} ~ abba ~ ab|ba",
        "x{,2}y ~ xxxy ~ xxy",
        "a{b ~ a{b ~ a{b",
        "(?>a+)b ~ aab ~ aab",
        "(?<=a)b ~ abb ~ b",
        "a+?b ~ aab ~ aab",
      })
  void compile_whatBothKnow_matchesAlike(String regex, String text, String expected) {
    assertThat(matches(regex, text)).isEqualTo(expected);
  }

  @Test
  void compile_lineEnds_areRubys() {
    // The dot leaves out the line feed alone, ^ and $ are about lines.
    assertThat(matches(".+", "a\rb\u2028c\nd")).isEqualTo("a\rb\u2028c|d");
    assertThat(matches("^.|.$", "ab\ncd")).isEqualTo("a|b|c|d");
    assertThat(matches("\\A.|.\\z", "ab\ncd")).isEqualTo("a|d");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\\bword",
        "\\Gx",
        "\\Kx",
        "\\R",
        "\\X",
        "(a)\\1",
        "\\k<n>(?<n>a)",
        "(?<n>a)",
        "a(?i)b",
        "(?m:.)",
        "(?x: a)",
        "(?#c)",
        "(?~a)",
        "(?(1)a|b)",
        "[[:alpha:]]",
        "[a&&b]",
        "[]a]",
        "[",
        "a{2}+",
        "a{2}?",
        "*a",
        "a**",
        "a{1000000}",
        "(",
        ")",
        "\\p{Foo}",
        "\\p{Punct}",
        "\\pL",
        "\\",
        "\\xe9",
        "\\uD83D",
        "\\x{110000}",
        "[z-a]",
        "\\Q",
        "\\E"
      })
  void compile_whatDiffersOrIsUnknown_isRefused(String regex) {
    assertThatExceptionOfType(PatternSyntaxException.class)
        .isThrownBy(() -> OnigurumaSyntax.compile(regex));
  }

  @Test
  void compile_deepNesting_isRefused() {
    assertThatExceptionOfType(PatternSyntaxException.class)
        .isThrownBy(() -> OnigurumaSyntax.compile("(".repeat(50_000)));
    assertThatExceptionOfType(PatternSyntaxException.class)
        .isThrownBy(() -> OnigurumaSyntax.compile("[".repeat(50_000)));
  }

  @Test
  void find_endlessBacktracking_endsWithAnError() throws IOException {
    TextPattern pattern = TextPattern.read(SmallBpe.value("{'Regex':'a*a*a*a*b'}"));
    char[] text = "a".repeat(2000).toCharArray();
    assertThatIllegalStateException()
        .isThrownBy(() -> pattern.find(text, 0, text.length, (from, to) -> {}))
        .withMessageContaining("needs too many steps for this text");
    char[] deep = "ab".repeat(2_000_000).toCharArray();
    TextPattern recursive = TextPattern.read(SmallBpe.value("{'Regex':'(?:a|b|ab)+c'}"));
    assertThatIllegalStateException()
        .isThrownBy(() -> recursive.find(deep, 0, deep.length, (from, to) -> {}))
        .withMessageContaining("needs too many steps for this text");
  }
}
