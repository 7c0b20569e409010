package io.github.mamba4j.generate;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the first of several stop strings in a text that arrives in pieces, and lets through only
 * text that cannot become part of one.
 *
 * <p>The result does not depend on where the text is cut. The match that ends first wins; of
 * several that end at the same character, the longest. Matching compares chars exactly, without
 * normalisation or folding of case. Time is linear in the text times the number of stop strings
 * (Knuth, Morris and Pratt 1977). Not thread-safe.
 */
public final class StopStrings {

  private final String[] patterns;

  /** For each pattern and matched length, the longest shorter prefix that is also its suffix. */
  private final int[][] fallbacks;

  /** For each pattern, how many of its chars the text so far ends with. */
  private final int[] matchedChars;

  private final StringBuilder held = new StringBuilder();
  private @Nullable String match;

  /**
   * Creates a matcher at the start of a text.
   *
   * @param stopStrings what to look for, no empty string; may have no elements, then all text
   *     passes
   * @throws IllegalArgumentException if a stop string is empty
   */
  public StopStrings(Collection<String> stopStrings) {
    this.patterns = List.copyOf(stopStrings).toArray(new String[0]);
    this.fallbacks = new int[patterns.length][];
    this.matchedChars = new int[patterns.length];
    for (int p = 0; p < patterns.length; p++) {
      if (patterns[p].isEmpty()) {
        throw new IllegalArgumentException("StopStrings: a stop string is empty, expected text");
      }
      fallbacks[p] = fallbacks(patterns[p]);
    }
  }

  /**
   * Takes the next piece of text.
   *
   * @param piece any text, also empty; ignored after a match
   * @return the text that is now certain to stand before any stop string, possibly empty
   */
  public String append(CharSequence piece) {
    if (match != null) {
      return "";
    }
    for (int i = 0; i < piece.length(); i++) {
      held.append(piece.charAt(i));
      int longest = advance(piece.charAt(i));
      if (longest >= 0) {
        match = patterns[longest];
        held.setLength(held.length() - patterns[longest].length());
        return release(0);
      }
    }
    int undecided = 0;
    for (int matched : matchedChars) {
      undecided = Math.max(undecided, matched);
    }
    return release(undecided);
  }

  /**
   * Ends the text: what was held back was no stop string after all.
   *
   * @return the held text, empty after a match
   */
  public String flush() {
    Arrays.fill(matchedChars, 0);
    return release(0);
  }

  /**
   * Whether a stop string was found.
   *
   * @return true from the match on
   */
  public boolean isStopped() {
    return match != null;
  }

  /**
   * The stop string that was found.
   *
   * @return the text, or null while there is none
   */
  public @Nullable String match() {
    return match;
  }

  /** Moves all patterns on by one char; the index of the longest complete one, or -1. */
  private int advance(char c) {
    int longest = -1;
    for (int p = 0; p < patterns.length; p++) {
      String pattern = patterns[p];
      int matched = step(pattern, fallbacks[p], matchedChars[p], c);
      matchedChars[p] = matched;
      if (matched == pattern.length()
          && (longest < 0 || pattern.length() > patterns[longest].length())) {
        longest = p;
      }
    }
    return longest;
  }

  /** How many chars of the pattern match after {@code c}, where {@code matched} did before. */
  private static int step(String pattern, int[] fallback, int matched, char c) {
    int length = matched;
    while (length > 0 && pattern.charAt(length) != c) {
      length = fallback[length - 1];
    }
    return pattern.charAt(length) == c ? length + 1 : 0;
  }

  private static int[] fallbacks(String pattern) {
    int[] fallback = new int[pattern.length()];
    for (int i = 1; i < fallback.length; i++) {
      fallback[i] = step(pattern, fallback, fallback[i - 1], pattern.charAt(i));
    }
    return fallback;
  }

  private String release(int keptChars) {
    int released = held.length() - keptChars;
    String text = held.substring(0, released);
    held.delete(0, released);
    return text;
  }
}
