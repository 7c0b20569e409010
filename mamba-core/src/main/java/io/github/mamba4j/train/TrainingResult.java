package io.github.mamba4j.train;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a call of {@link Trainer#fit()} ended.
 *
 * @param reason why
 * @param steps steps done since the run began
 * @param epochs whole epochs done since the run began
 * @param finalLoss training loss of the last step in nats; not a number before the first
 * @param validation the last measurement on the validation data, if there was one
 * @param best the lowest validation loss, if there was a measurement
 * @param elapsedNanos time of the whole run in nanoseconds, earlier parts of a resumed run included
 * @param lastCheckpoint the newest checkpoint's folder, empty if there is none
 */
public record TrainingResult(
    Reason reason,
    long steps,
    long epochs,
    double finalLoss,
    Optional<Evaluation> validation,
    Optional<Best> best,
    long elapsedNanos,
    Optional<Path> lastCheckpoint) {
  /** Why training ended. */
  public enum Reason {
    /** All steps are done. */
    COMPLETED,
    /** The validation loss did not fall any more. */
    EARLY_STOPPED,
    /** {@link Trainer#requestStop()} was called; {@link Trainer#fit()} would go on. */
    STOP_REQUESTED
  }

  /**
   * The best measurement on the validation data.
   *
   * @param loss its loss in nats
   * @param step after how many steps it was made
   */
  public record Best(double loss, long step) {}
}
