package io.github.mamba4j.generate;

/** Makes the tokens of one sequence, chosen as {@link Sampler} describes. */
interface TokenChooser extends AutoCloseable {
  /**
   * Lets the sequence read the token before, if this made one, and chooses the next.
   *
   * @param history the tokens so far, prompt included
   * @param last whether no other is asked for
   * @return a token id
   * @throws IllegalStateException if the logits allow no choice; the model has diverged then
   */
  int next(TokenHistory history, boolean last);

  /** The natural logarithm of the probability of the token made last, see {@link Sampler}. */
  double logProbability();

  /**
   * Frees what it holds; the sequence has then read every token but the last one made. Closing
   * again does nothing.
   */
  @Override
  void close();

  /** Reads the logits to the host and chooses there. */
  final class OnHost implements TokenChooser {
    private final RunningSequence sequence;
    private final Sampler sampler;
    private int unread = -1;

    OnHost(RunningSequence sequence, SamplingOptions options, int vocab) {
      this.sequence = sequence;
      this.sampler = new Sampler(options, vocab);
    }

    @Override
    public int next(TokenHistory history, boolean last) {
      if (unread >= 0) {
        sequence.step(unread);
      }
      unread = sampler.next(sequence.logits(), 0, history);
      return unread;
    }

    @Override
    public double logProbability() {
      return sampler.logProbability();
    }

    @Override
    public void close() {
      // Holds the heap's memory only.
    }
  }
}
