package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.Evaluation;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;

/** The words in which both displays say how training goes. */
final class ProgressText {
  private ProgressText() {}

  static long epochs(TrainingListener.Start start) {
    return (start.totalSteps() + start.stepsPerEpoch() - 1) / start.stepsPerEpoch();
  }

  /** The steps of the epoch that is running, which the end of the run may cut short. */
  static long stepsOfEpoch(StepMetrics metrics, long stepsPerEpoch) {
    return Math.min(
        stepsPerEpoch, metrics.stepInEpoch() + 1 + metrics.totalSteps() - metrics.step());
  }

  static String of(StepMetrics metrics) {
    return Text.format(
        "loss %.4f  ppl %s  lr %.1e  %,.0f tok/s",
        metrics.loss(),
        Text.perplexity(metrics.perplexity()),
        metrics.learningRate(),
        metrics.tokensPerSecond());
  }

  static String of(TrainingListener.Validation validation, long epochs) {
    return Text.format(
        "epoch %d/%d  validation  %s%s",
        validation.epoch() + 1,
        epochs,
        of(validation.evaluation()),
        validation.best() ? "  (best so far)" : "");
  }

  static String of(EpochMetrics metrics, long epochs) {
    return Text.format(
        "epoch %d/%d  training    %s  after %s",
        metrics.epoch() + 1, epochs, of(metrics.training()), Text.duration(metrics.elapsedNanos()));
  }

  static String of(Evaluation evaluation) {
    return of(evaluation.loss(), evaluation.accuracy());
  }

  static String of(double loss, double accuracy) {
    return Text.format(
        "loss %.4f  ppl %s  accuracy %.2f %%",
        loss, Text.perplexity(Math.exp(loss)), 100 * accuracy);
  }
}
