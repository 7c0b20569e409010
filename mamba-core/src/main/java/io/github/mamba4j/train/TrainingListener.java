package io.github.mamba4j.train;

import java.nio.file.Path;

/**
 * Is told how training goes, in the training thread. An exception ends {@link Trainer#fit()}.
 *
 * <p>A listener may read the model, as for a sample of text, but must not change it.
 */
public interface TrainingListener {
  /**
   * What is about to run.
   *
   * @param step steps that were done before, 0 for a new run
   * @param totalSteps steps of the whole run
   * @param stepsPerEpoch optimiser steps of an epoch
   * @param tokensPerStep tokens of one optimiser step
   */
  record Start(long step, long totalSteps, long stepsPerEpoch, long tokensPerStep) {}

  /**
   * A measurement on the validation data.
   *
   * @param epoch the epoch, from 0
   * @param step steps done since the run began
   * @param evaluation the measurement
   * @param best true if its loss is the lowest so far
   */
  record Validation(long epoch, long step, Evaluation evaluation, boolean best) {}

  /**
   * A checkpoint that was written.
   *
   * @param folder where it is
   * @param step steps done since the run began
   */
  record Checkpoint(Path folder, long step) {}

  /**
   * Is called when {@link Trainer#fit()} begins.
   *
   * @param start what is about to run
   */
  default void onStart(Start start) {}

  /**
   * Is called after each optimiser step.
   *
   * @param metrics what is known
   */
  default void onStep(StepMetrics metrics) {}

  /**
   * Is called after each measurement on the validation data.
   *
   * @param validation the measurement
   */
  default void onValidation(Validation validation) {}

  /**
   * Is called after each whole epoch.
   *
   * @param metrics what is known
   */
  default void onEpoch(EpochMetrics metrics) {}

  /**
   * Is called when a checkpoint is in place.
   *
   * @param checkpoint the checkpoint
   */
  default void onCheckpoint(Checkpoint checkpoint) {}

  /**
   * Is called when {@link Trainer#fit()} returns; not when it throws.
   *
   * @param result what it returns
   */
  default void onEnd(TrainingResult result) {}
}
