package io.github.mamba4j.train;

/**
 * What is known after an optimiser step.
 *
 * @param epoch the epoch, from 0
 * @param stepInEpoch the step within the epoch, from 0
 * @param step steps done since the run began, this one included
 * @param totalSteps steps of the whole run
 * @param loss mean training loss of the step's batches in nats, before the update
 * @param accuracy share of the targets that were the most probable token, in [0, 1]
 * @param learningRate the rate of this step
 * @param gradientNorm the gradients' norm before clipping
 * @param tokensPerSecond tokens of this step by the time it took
 * @param elapsedNanos time of the run so far in nanoseconds, earlier parts of a resumed run
 *     included
 * @param remainingNanos estimated time to the end of the run in nanoseconds
 */
public record StepMetrics(
    long epoch,
    long stepInEpoch,
    long step,
    long totalSteps,
    double loss,
    double accuracy,
    double learningRate,
    double gradientNorm,
    double tokensPerSecond,
    long elapsedNanos,
    long remainingNanos) {
  /**
   * Returns the perplexity a token.
   *
   * @return {@code e^loss}, infinity where that overflows
   */
  public double perplexity() {
    return Math.exp(loss);
  }
}
