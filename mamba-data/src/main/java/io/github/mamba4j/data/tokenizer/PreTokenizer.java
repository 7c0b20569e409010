package io.github.mamba4j.data.tokenizer;

/** One step of cutting a text into the pieces within which BPE merges. */
@FunctionalInterface
interface PreTokenizer {

  /**
   * Cuts a piece into smaller ones, or changes its text.
   *
   * @param text holds the piece; not to be changed
   * @param from where the piece starts
   * @param to where it ends, above {@code from}
   * @param atStart whether the whole text starts here
   * @param sink takes the pieces, none of them empty
   */
  void cut(char[] text, int from, int to, boolean atStart, PieceSink sink);
}
