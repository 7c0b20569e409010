package io.github.mamba4j.generate;

/**
 * The text side of a vocabulary: the bytes that each token id stands for.
 *
 * <p>Generation works on token ids; this is all it has to know to turn them into text while they
 * arrive. A token may hold only a part of a character, so a caller that streams text keeps the
 * bytes back until they form whole UTF-8 characters. Implementations are safe for use by several
 * threads.
 */
public interface TokenText {

  /**
   * The number of token ids, which are 0 to {@code vocabSize() - 1}.
   *
   * @return the number of token ids, positive
   */
  int vocabSize();

  /**
   * The UTF-8 bytes of a token, possibly only a part of a character; a special token gives its
   * literal text.
   *
   * @param tokenId the token, 0 to {@code vocabSize() - 1}
   * @return the bytes, a new array that the caller may change
   * @throws IllegalArgumentException if {@code tokenId} is outside the vocabulary
   */
  byte[] bytesOf(int tokenId);
}
