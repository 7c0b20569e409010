package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * The choice of the next token from each of several rows of logits, with the steps, the order and
 * the random numbers of {@link io.github.mamba4j.generate.Sampler}: a row chooses as a sampler with
 * its settings, its seed and its number of draws does, but for draws within rounding of the border
 * between two tokens.
 *
 * <p>What steers a row lies on the device, and a call counts its draws on, so that a recorded call
 * chooses anew each time.
 */
public interface SamplingKernels {
  /** The most classes. */
  int MOST_VOCAB = 1 << 18;

  /**
   * Index of one over the temperature in a row's settings; infinity counts as the largest float.
   */
  int SCALE = 0;

  /** Index of top-p in a row's settings, 1 for none. */
  int TOP_P = 1;

  /** Index of min-p in a row's settings, 0 for none. */
  int MIN_P = 2;

  /** Index of the repetition penalty in a row's settings, 1 for none. */
  int PENALTY = 3;

  /** How many settings a row has. */
  int SETTINGS = 4;

  /** Index of top-k in a row's state: 0 for none, 1 for the largest logit without a draw. */
  int TOP_K = 0;

  /** Index of the seed in a row's state, its low half; the high half follows. */
  int SEED = 1;

  /** Index of the number of draws so far in a row's state, its low half; the high half follows. */
  int DRAWS = 3;

  /** How many numbers a row's state has. */
  int STATE = 5;

  /**
   * A choice of tokens.
   *
   * @param rows rows, positive
   * @param vocab classes, at most {@link #MOST_VOCAB}
   * @param logits [rows, vocab], {@link DType#F32} or {@link DType#BF16}
   * @param settings [rows, {@link #SETTINGS}], contiguous floats
   * @param state [rows, {@link #STATE}], contiguous {@link DType#I32}; draws are counted on
   * @param seen the tokens of each row's text, that the penalty meets: a bit a token in the words
   *     of [rows, vocab / 32 rounded up], {@link DType#I32}, the token's bit is set; or null for no
   *     penalty
   * @param tokens one {@link DType#I32} a row, contiguous, overwritten: the token; or 0, with state
   *     and seen as they were, if a logit is NaN or positive infinity, or all are negative infinity
   * @param logProbabilities one float a row, contiguous, overwritten: the natural logarithm of the
   *     token's probability under the softmax of the logits as given; NaN if they allow no choice
   * @param workspace {@link #sampleWorkspaceFloats} floats of scratch
   */
  record Sample(
      int rows,
      int vocab,
      View logits,
      View settings,
      View state,
      @Nullable View seen,
      View tokens,
      View logProbabilities,
      View workspace) {}

  /**
   * Returns the scratch that a choice needs.
   *
   * @param rows rows
   * @param vocab classes
   * @return number of floats
   */
  long sampleWorkspaceFloats(int rows, int vocab);

  /**
   * Chooses a token for each row.
   *
   * @param sample what to choose from
   */
  void sample(Sample sample);
}
