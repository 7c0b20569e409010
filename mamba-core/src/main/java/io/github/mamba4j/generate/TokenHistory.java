package io.github.mamba4j.generate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;

/**
 * The token ids of one text so far, prompt included: the whole sequence, and each distinct id once,
 * as the repetition penalty needs them. Adding is amortised constant time. Not thread-safe.
 */
public final class TokenHistory {

  private final BitSet seen = new BitSet();
  private int[] tokens = new int[64];
  private int[] distinct = new int[64];
  private int size;
  private int distinctSize;

  /** Creates an empty history. */
  public TokenHistory() {}

  /**
   * Creates the history of a prompt.
   *
   * @param prompt token ids, not negative; copied
   * @return the history
   * @throws IllegalArgumentException if an id is negative
   */
  public static TokenHistory of(int... prompt) {
    TokenHistory history = new TokenHistory();
    for (int tokenId : prompt) {
      history.add(tokenId);
    }
    return history;
  }

  /**
   * Appends a token.
   *
   * @param tokenId the id, not negative
   * @throws IllegalArgumentException if the id is negative
   */
  public void add(int tokenId) {
    if (tokenId < 0) {
      throw new IllegalArgumentException(
          "TokenHistory: tokenId must not be negative, got " + tokenId);
    }
    if (size == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * size);
    }
    tokens[size++] = tokenId;
    if (!seen.get(tokenId)) {
      seen.set(tokenId);
      if (distinctSize == distinct.length) {
        distinct = Arrays.copyOf(distinct, 2 * distinctSize);
      }
      distinct[distinctSize++] = tokenId;
    }
  }

  /**
   * The length of the text.
   *
   * @return tokens, prompt included
   */
  public int size() {
    return size;
  }

  /**
   * The token at a position.
   *
   * @param position from 0 to {@code size() - 1}
   * @return the id
   * @throws IndexOutOfBoundsException if there is no such position
   */
  public int get(int position) {
    return tokens[Objects.checkIndex(position, size)];
  }

  /**
   * Whether a token occurred.
   *
   * @param tokenId the id, not negative
   * @return true if it was added at least once
   */
  public boolean contains(int tokenId) {
    return seen.get(tokenId);
  }

  /**
   * The whole text.
   *
   * @return a new array of {@code size()} ids
   */
  public int[] toArray() {
    return Arrays.copyOf(tokens, size);
  }

  /** How many different ids occurred. */
  int distinctSize() {
    return distinctSize;
  }

  /** The different ids in the order of their first occurrence. */
  int distinct(int index) {
    return distinct[index];
  }
}
