package io.github.mamba4j.data.tokenizer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tokens whose literal text is cut out of a text before it is encoded, the longest first. */
final class AddedTokens {

  /**
   * One such token.
   *
   * @param id the token id
   * @param content its literal text
   * @param special whether it is control and not text; ordinary encoding leaves it alone
   */
  record AddedToken(int id, String content, boolean special) {}

  /** Takes the stretches of text between added tokens. */
  @FunctionalInterface
  interface Stretch {
    void encode(String text, int from, int to);
  }

  private final List<AddedToken> all;
  private final List<AddedToken> textual;
  private final Map<String, Integer> specials;

  AddedTokens(List<AddedToken> tokens) {
    List<AddedToken> sorted = new ArrayList<>(tokens);
    sorted.sort(Comparator.comparingInt(AddedToken::id));
    Map<String, Integer> byText = new LinkedHashMap<>();
    for (AddedToken token : sorted) {
      if (token.special()) {
        byText.put(token.content(), token.id());
      }
    }
    this.all = List.copyOf(sorted);
    this.textual = sorted.stream().filter(token -> !token.special()).toList();
    this.specials = Collections.unmodifiableMap(byText);
  }

  /** Special tokens that get the ids 0, 1, … in the order given. */
  static AddedTokens specials(List<String> contents, int firstId) {
    List<AddedToken> tokens = new ArrayList<>();
    for (String content : contents) {
      tokens.add(new AddedToken(firstId + tokens.size(), content, true));
    }
    return new AddedTokens(tokens);
  }

  List<AddedToken> all() {
    return all;
  }

  Map<String, Integer> specials() {
    return specials;
  }

  /** Cuts the text: added tokens go to {@code out}, what is between them to {@code stretch}. */
  void split(String text, boolean withSpecials, TokenBuffer out, Stretch stretch) {
    List<AddedToken> tokens = withSpecials ? all : textual;
    int[] next = new int[tokens.size()];
    for (int i = 0; i < next.length; i++) {
      next[i] = text.indexOf(tokens.get(i).content());
    }
    int from = 0;
    for (int best = leftmost(tokens, next); best >= 0; best = leftmost(tokens, next)) {
      int at = next[best];
      if (at > from) {
        stretch.encode(text, from, at);
      }
      AddedToken token = tokens.get(best);
      out.add(token.id());
      from = at + token.content().length();
      for (int i = 0; i < next.length; i++) {
        if (next[i] >= 0 && next[i] < from) {
          next[i] = text.indexOf(tokens.get(i).content(), from);
        }
      }
    }
    if (from < text.length()) {
      stretch.encode(text, from, text.length());
    }
  }

  private static int leftmost(List<AddedToken> tokens, int[] next) {
    int best = -1;
    for (int i = 0; i < next.length; i++) {
      if (next[i] >= 0
          && (best < 0
              || next[i] < next[best]
              || (next[i] == next[best]
                  && tokens.get(i).content().length() > tokens.get(best).content().length()))) {
        best = i;
      }
    }
    return best;
  }
}
