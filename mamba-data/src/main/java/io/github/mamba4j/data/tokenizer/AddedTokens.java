package io.github.mamba4j.data.tokenizer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * The tokens whose literal text is cut out of a text before it is encoded: at each place the
 * longest, from left to right. Those that are not {@link AddedToken#normalized} are cut out of the
 * text as it came, the others, by their normalized text, out of what is left of it after
 * normalization.
 */
final class AddedTokens {

  /**
   * One such token.
   *
   * @param id the token id
   * @param content its literal text
   * @param special whether it is control and not text; ordinary encoding leaves it alone
   * @param singleWord whether it counts only where no word character is before or after it
   * @param lstrip whether it takes the white space before it along
   * @param rstrip whether it takes the white space after it along
   * @param normalized whether it is looked for in the normalized text
   */
  record AddedToken(
      int id,
      String content,
      boolean special,
      boolean singleWord,
      boolean lstrip,
      boolean rstrip,
      boolean normalized) {

    /** A control token without options. */
    static AddedToken special(int id, String content) {
      return new AddedToken(id, content, true, false, false, false, false);
    }
  }

  /** Takes the tokens and the stretches of text between them, from left to right. */
  interface Sink {
    void token(int id);

    void stretch(String text, int from, int to);
  }

  private final List<AddedToken> all;
  private final Map<String, Integer> specials;
  private final TokenTrie raw = new TokenTrie();
  private final int[] rawLengths;
  private final TokenTrie normalized = new TokenTrie();
  private final int[] normalizedLengths;

  /**
   * Takes the tokens.
   *
   * @param normalizer gives a normalized token the text to look for, which is not empty
   */
  AddedTokens(List<AddedToken> tokens, UnaryOperator<String> normalizer) {
    List<AddedToken> sorted = new ArrayList<>(tokens);
    sorted.sort(Comparator.comparingInt(AddedToken::id));
    this.all = List.copyOf(sorted);
    this.rawLengths = new int[all.size()];
    this.normalizedLengths = new int[all.size()];
    Map<String, Integer> byText = new LinkedHashMap<>();
    for (int i = 0; i < all.size(); i++) {
      AddedToken token = all.get(i);
      if (token.special()) {
        byText.put(token.content(), token.id());
      }
      if (token.normalized()) {
        String pattern = normalizer.apply(token.content());
        normalized.add(pattern, i);
        normalizedLengths[i] = pattern.length();
      } else {
        raw.add(token.content(), i);
        rawLengths[i] = token.content().length();
      }
    }
    this.specials = Collections.unmodifiableMap(byText);
  }

  /** Special tokens that get the ids {@code firstId}, … in the order given. */
  static AddedTokens specials(List<String> contents, int firstId) {
    List<AddedToken> tokens = new ArrayList<>();
    for (String content : contents) {
      tokens.add(AddedToken.special(firstId + tokens.size(), content));
    }
    return new AddedTokens(tokens, UnaryOperator.identity());
  }

  List<AddedToken> all() {
    return all;
  }

  Map<String, Integer> specials() {
    return specials;
  }

  /** Cuts the text as it came. */
  void split(String text, boolean withSpecials, Sink sink) {
    split(raw, rawLengths, text, withSpecials, sink);
  }

  /** Cuts a normalized text. */
  void splitNormalized(String text, boolean withSpecials, Sink sink) {
    split(normalized, normalizedLengths, text, withSpecials, sink);
  }

  private void split(TokenTrie trie, int[] lengths, String text, boolean withSpecials, Sink sink) {
    int length = text.length();
    int done = 0;
    int at = trie.isEmpty() ? length : trie.candidate(text, 0, length);
    while (at < length) {
      int found = trie.longestAt(text, at, length);
      if (found < 0) {
        at = trie.candidate(text, at + 1, length);
        continue;
      }
      int start = at;
      int end = at + lengths[found];
      // A match that does not count is passed over whole, as the Python library does.
      at = trie.candidate(text, end, length);
      AddedToken token = all.get(found);
      if ((token.special() && !withSpecials)
          || (token.singleWord() && !standsAlone(text, start, end))) {
        continue;
      }
      if (token.lstrip()) {
        while (start > done && CharClasses.isWhiteSpace(text.charAt(start - 1))) {
          start--;
        }
      }
      if (token.rstrip()) {
        while (end < length && CharClasses.isWhiteSpace(text.charAt(end))) {
          end++;
        }
      }
      if (done < start) {
        sink.stretch(text, done, start);
      }
      sink.token(token.id());
      done = end;
    }
    if (done < length) {
      sink.stretch(text, done, length);
    }
  }

  private static boolean standsAlone(String text, int start, int end) {
    return (start == 0 || !CharClasses.isWord(text.codePointBefore(start)))
        && (end == text.length() || !CharClasses.isWord(text.codePointAt(end)));
  }
}
