package io.github.mamba4j.train;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Locale;

/** Writes progress to the log of the package's name. */
final class LoggingListener implements TrainingListener {
  private static final Logger LOG = System.getLogger("io.github.mamba4j.train");

  private final long everySteps;

  LoggingListener(long everySteps) {
    this.everySteps = everySteps;
  }

  @Override
  public void onStep(StepMetrics metrics) {
    if (metrics.step() % everySteps == 0 || metrics.step() == metrics.totalSteps()) {
      log(
          "step %d/%d, epoch %d: loss %.4f, perplexity %.2f, rate %.3g, gradient norm %.3f, %.0f"
              + " tokens/s",
          metrics.step(),
          metrics.totalSteps(),
          metrics.epoch(),
          metrics.loss(),
          metrics.perplexity(),
          metrics.learningRate(),
          metrics.gradientNorm(),
          metrics.tokensPerSecond());
    }
  }

  @Override
  public void onValidation(Validation validation) {
    log(
        "step %d: validation loss %.4f, perplexity %.2f, accuracy %.4f%s",
        validation.step(),
        validation.evaluation().loss(),
        validation.evaluation().perplexity(),
        validation.evaluation().accuracy(),
        validation.best() ? ", best so far" : "");
  }

  @Override
  public void onCheckpoint(Checkpoint checkpoint) {
    log("step %d: checkpoint written to %s", checkpoint.step(), checkpoint.folder());
  }

  private static void log(String format, Object... values) {
    LOG.log(Level.INFO, () -> String.format(Locale.ROOT, format, values));
  }
}
