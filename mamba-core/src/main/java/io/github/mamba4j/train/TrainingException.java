package io.github.mamba4j.train;

import java.io.Serial;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Training that went astray: a loss, a gradient or a parameter is not finite. No checkpoint holds
 * the step that failed.
 */
public final class TrainingException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  private final long step;
  private final double loss;
  private final transient @Nullable Path checkpoint;

  TrainingException(String message, long step, double loss, @Nullable Path checkpoint) {
    super(message);
    this.step = step;
    this.loss = loss;
    this.checkpoint = checkpoint;
  }

  /**
   * Returns the step that failed.
   *
   * @return the number of the step, from 1
   */
  public long step() {
    return step;
  }

  /**
   * Returns the loss of that step.
   *
   * @return loss in nats, perhaps infinite or not a number
   */
  public double loss() {
    return loss;
  }

  /**
   * Returns the last good checkpoint.
   *
   * @return its folder, empty if none was written
   */
  public Optional<Path> lastCheckpoint() {
    return Optional.ofNullable(checkpoint);
  }
}
