package io.github.mamba4j.generate;

import java.util.List;

/**
 * A finished generation.
 *
 * @param tokens what was made, in order; a stop token is the last one
 * @param text all text together: without the text of a stop token, and cut before a stop string;
 *     empty without a text side
 * @param reason why it ended
 */
public record Generation(List<GeneratedToken> tokens, String text, FinishReason reason) {
  /** Copies the list. */
  public Generation {
    tokens = List.copyOf(tokens);
  }

  /**
   * Returns the token ids alone.
   *
   * @return the ids in order
   */
  public int[] ids() {
    return tokens.stream().mapToInt(GeneratedToken::id).toArray();
  }
}
