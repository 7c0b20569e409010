package io.github.mamba4j.train;

/**
 * Random access to training batches: the batch of (epoch, step) is a pure function of the data and
 * the seed, so that a run resumed at any step sees exactly the batches it would have seen.
 *
 * <p>Implementations hold no position and are safe for use by several threads.
 */
public interface BatchSource {

  /**
   * The number of sequences in one batch.
   *
   * @return the number of sequences, positive
   */
  int batchSize();

  /**
   * The number of tokens in one sequence.
   *
   * @return the number of tokens, positive
   */
  int length();

  /**
   * The number of steps in one epoch.
   *
   * @return the number of steps, positive
   */
  long stepsPerEpoch();

  /**
   * Fills one batch. The target of a position is the token that follows it, or -100 (ignored by the
   * loss) where there is none.
   *
   * @param epoch the epoch, not negative
   * @param step the step within the epoch, 0 to {@code stepsPerEpoch() - 1}
   * @param inputs receives the token ids, [batch, length] row-major, overwritten
   * @param targets receives the next tokens, [batch, length] row-major, overwritten
   * @throws IllegalArgumentException if the epoch or step is out of range or an array does not have
   *     {@code batchSize() * length()} elements
   */
  void read(long epoch, long step, int[] inputs, int[] targets);

  /**
   * The SHA-256 over what defines the data and its order, which a checkpoint keeps so that a
   * resumed run can tell that it reads other data.
   *
   * @return 64 lower-case hexadecimal digits
   */
  String fingerprint();
}
