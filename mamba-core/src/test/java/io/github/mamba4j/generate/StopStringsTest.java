package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  /** What must come out: the text before the match that ends first, longest of equal ends. */
  private static String expected(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String longest = "";
      for (String stop : stops) {
        if (text.substring(0, end).endsWith(stop) && stop.length() > longest.length()) {
          longest = stop;
        }
      }
      if (!longest.isEmpty()) {
        return text.substring(0, end - longest.length());
      }
    }
    return text;
  }

  private static String run(StopStrings stops, List<String> pieces) {
    StringBuilder out = new StringBuilder();
    for (String piece : pieces) {
      out.append(stops.append(piece));
    }
    return out.append(stops.flush()).toString();
  }

  @Test
  void append_everySplitInThree_givesTheSameText() {
    List<String> stops = List.of("STOP", "\n\nUser:", "ab", "abab", "こ。", "😀!");
    List<String> texts =
        List.of(
            "Hello STOP world",
            "SSTSTOSTOP",
            "x\n\n\nUser: hi",
            "x\n\nUse",
            "aaabab",
            "日本語こ。だ",
            "😀😀!?",
            "STO",
            "nothing here",
            "");
    for (String text : texts) {
      for (int i = 0; i <= text.length(); i++) {
        for (int j = i; j <= text.length(); j++) {
          StopStrings matcher = new StopStrings(stops);
          String out =
              run(matcher, List.of(text.substring(0, i), text.substring(i, j), text.substring(j)));
          assertThat(out).as("'%s' cut at %d and %d", text, i, j).isEqualTo(expected(text, stops));
          assertThat(matcher.isStopped()).isEqualTo(!out.equals(text));
        }
      }
    }
  }

  @Test
  void append_randomTextOverTwoLetters_equalsTheSlowSearch() {
    Random random = new Random(4);
    for (int round = 0; round < 2000; round++) {
      List<String> stops = new ArrayList<>();
      for (int i = 1 + random.nextInt(3); i > 0; i--) {
        stops.add(letters(random, 1 + random.nextInt(6)));
      }
      String text = letters(random, random.nextInt(30));
      StopStrings matcher = new StopStrings(stops);
      List<String> pieces = new ArrayList<>();
      for (int at = 0; at < text.length(); ) {
        int end = Math.min(text.length(), at + random.nextInt(4));
        pieces.add(text.substring(at, end));
        at = end;
      }
      assertThat(run(matcher, pieces)).as("%s in %s", stops, text).isEqualTo(expected(text, stops));
    }
  }

  private static String letters(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(random.nextInt(3) == 0 ? 'b' : 'a');
    }
    return text.toString();
  }

  @Test
  void append_possibleBeginning_isHeldBackOnlyAsLongAsNeeded() {
    StopStrings matcher = new StopStrings(List.of("</s>", "<end>"));

    assertThat(matcher.append("a<")).isEqualTo("a");
    assertThat(matcher.append("/")).isEmpty();
    assertThat(matcher.append("b")).isEqualTo("</b");
    assertThat(matcher.append("x<en")).isEqualTo("x");
    assertThat(matcher.append("d>tail")).isEmpty();
    assertThat(matcher.isStopped()).isTrue();
    assertThat(matcher.match()).isEqualTo("<end>");
    assertThat(matcher.append("more")).isEmpty();
    assertThat(matcher.flush()).isEmpty();
  }

  @Test
  void append_noStopStrings_passesEverything() {
    StopStrings matcher = new StopStrings(List.of());
    assertThat(matcher.append("any")).isEqualTo("any");
    assertThat(matcher.match()).isNull();
    assertThat(matcher.isStopped()).isFalse();
  }

  @Test
  void constructor_emptyStopString_isRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new StopStrings(List.of("a", "")))
        .withMessage("StopStrings: a stop string is empty, expected text");
  }
}
