package io.github.mamba4j.data.tokenizer;

/** Takes the pieces of a text from left to right. */
@FunctionalInterface
interface PieceSink {

  /**
   * Takes a piece.
   *
   * @param text holds the piece; not to be changed
   * @param from where the piece starts
   * @param to where it ends, above {@code from}
   * @param atStart whether the whole text starts here
   */
  void piece(char[] text, int from, int to, boolean atStart);
}
