package io.github.mamba4j.generate;

/** Chooses the tokens of one sequence, as {@link Sampler} describes. */
interface TokenChooser extends AutoCloseable {
  /**
   * Chooses the next token.
   *
   * @param history the tokens so far, prompt included
   * @return a token id
   * @throws IllegalStateException if the logits allow no choice; the model has diverged then
   */
  int next(TokenHistory history);

  /** The natural logarithm of the probability of the token chosen last, see {@link Sampler}. */
  double logProbability();

  /** Frees what it holds. Closing again does nothing. */
  @Override
  void close();

  /** Reads the logits to the host and chooses there. */
  final class OnHost implements TokenChooser {
    private final RunningSequence sequence;
    private final Sampler sampler;

    OnHost(RunningSequence sequence, SamplingOptions options, int vocab) {
      this.sequence = sequence;
      this.sampler = new Sampler(options, vocab);
    }

    @Override
    public int next(TokenHistory history) {
      return sampler.next(sequence.logits(), 0, history);
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
