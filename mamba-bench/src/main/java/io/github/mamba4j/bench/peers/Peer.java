package io.github.mamba4j.bench.peers;

/** An implementation with a model in it, ready to be timed. */
interface Peer extends AutoCloseable {
  /** The tokens before those that are timed in {@link #decodeSeconds}. */
  int SHORT_PROMPT = 16;

  /** Returns the name in the results. */
  String name();

  /**
   * Reads a prompt of {@link #SHORT_PROMPT} tokens and then further ones, one by one.
   *
   * @param steps how many
   * @return how long the further ones took, up to the logits of each on the host
   */
  double decodeSeconds(int steps);

  /**
   * Reads a prompt.
   *
   * @param length its tokens
   * @return how long it took up to the logits of the token that follows, on the host
   */
  double prefillSeconds(int length);

  @Override
  void close();

  /** One whose logits can be seen. */
  interface Transparent extends Peer {
    /**
     * Reads a prompt, then tokens one by one.
     *
     * @param prompt the prompt
     * @param steps the tokens
     * @return the logits of the token that follows
     */
    float[] logits(int[] prompt, int[] steps);
  }
}
