package io.github.mamba4j.train;

import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Trains a language model: batches in, optimiser steps, validation, early stop, checkpoints.
 *
 * <p>The state of a run lives here and in the model: after {@link #fit()} was stopped, or threw
 * because a checkpoint could not be written, calling it again goes on with the next step. Nothing
 * here draws random numbers; the order of the data is the source's, so a run is repeated bit by bit
 * by the same model, data and settings, whatever the number of threads, and a resumed run equals
 * one that was never interrupted.
 *
 * <p>For one thread, except {@link #requestStop()}.
 */
public final class Trainer implements AutoCloseable {
  private final TrainerBuilder settings;
  private final MambaModel model;
  private final BatchSource data;
  private final LearningRateSchedule schedule;
  private final long totalSteps;
  private final long stepsPerEpoch;
  private final TrainingStep step;
  private final @Nullable Evaluator validation;
  private final TrainingProgress progress = new TrainingProgress();
  private final Checkpoints checkpoints;
  private final List<TrainingListener> listeners;
  private volatile boolean stopRequested;
  private boolean closed;
  private long fitBeganNanos;
  private long nanosBeforeFit;
  private long stepsBeforeFit;

  Trainer(TrainerBuilder settings, MambaModel model, BatchSource data) throws IOException {
    this.settings = settings;
    this.model = model;
    this.data = data;
    this.listeners = List.copyOf(settings.listeners());
    this.stepsPerEpoch = data.stepsPerEpoch() / settings.accumulation();
    this.totalSteps = settings.totalSteps(stepsPerEpoch);
    this.schedule = settings.schedule().over(totalSteps);
    this.step =
        TrainingStep.open(
            model,
            data,
            settings.optimizer(),
            settings.clipNorm(),
            settings.accumulation(),
            settings.activations(),
            settings.pieceLength());
    BatchSource validationData = settings.validationData();
    this.validation =
        validationData == null
            ? null
            : Evaluator.open(model, validationData, settings.pieceLength());
    TrainingState state =
        new TrainingState(
            model, step, progress, comparedSettings(), data.fingerprint(), settings.extras());
    this.checkpoints = new Checkpoints(settings.directory(), settings.keep(), state);
    Path from = settings.resumeFrom();
    if (from != null) {
      resume(state, from);
    }
  }

  private void resume(TrainingState state, Path from) throws IOException {
    try {
      Path folder = TrainingState.find(from);
      state.restore(folder, totalSteps);
      checkpoints.resumedFrom(folder);
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** What the bits of the result depend on, beside model and data. */
  private SequencedMap<String, Object> comparedSettings() {
    SequencedMap<String, Object> compared = RecordFields.of(settings.optimizer());
    compared.putAll(RecordFields.of(schedule));
    compared.put("clipNorm", settings.clipNorm());
    compared.put("activations", settings.activations().name());
    compared.put("accumulation", (long) settings.accumulation());
    compared.put("batchSize", (long) data.batchSize());
    compared.put("length", (long) data.length());
    if (settings.pieceLength() < data.length()) {
      compared.put("truncatedBackpropagation", (long) settings.pieceLength());
    }
    return compared;
  }

  /**
   * Starts the settings of a run.
   *
   * @return a builder with the defaults that its setters name
   */
  public static TrainerBuilder builder() {
    return new TrainerBuilder();
  }

  /**
   * Trains until all steps are done, the validation loss stops falling, or a stop is requested. A
   * second call goes on where the first one ended.
   *
   * @return how it ended
   * @throws TrainingException if a loss, a gradient or a parameter is not finite; the parameters
   *     are those before the step, no checkpoint holds it
   * @throws IllegalArgumentException if the data has a token that the model does not have
   * @throws IOException if a checkpoint cannot be written; the old one is unchanged, and calling
   *     this method again writes it and goes on
   * @throws IllegalStateException if this trainer is closed
   */
  public TrainingResult fit() throws IOException {
    if (closed) {
      throw new IllegalStateException("Trainer: is closed");
    }
    fitBeganNanos = System.nanoTime();
    nanosBeforeFit = progress.trainedNanos();
    stepsBeforeFit = progress.step();
    try {
      checkpoints.prepare();
      TrainingListener.Start start =
          new TrainingListener.Start(progress.step(), totalSteps, stepsPerEpoch, step.tokens());
      tell(listener -> listener.onStart(start));
      checkpoints.writeDue(this::tellCheckpoint);
      Optional<TrainingResult.Reason> reason = endReason();
      while (reason.isEmpty()) {
        trainOneStep();
        reason = endReason();
        if (reason.isPresent() || checkpointIsDue()) {
          checkpoints.lastIsDue();
        }
        checkpoints.writeDue(this::tellCheckpoint);
      }
      TrainingResult result = result(reason.get());
      tell(listener -> listener.onEnd(result));
      return result;
    } finally {
      stopRequested = false;
    }
  }

  private Optional<TrainingResult.Reason> endReason() {
    if (progress.step() >= totalSteps) {
      return Optional.of(TrainingResult.Reason.COMPLETED);
    }
    if (settings.patience() > 0 && progress.withoutGain() >= settings.patience()) {
      return Optional.of(TrainingResult.Reason.EARLY_STOPPED);
    }
    return stopRequested ? Optional.of(TrainingResult.Reason.STOP_REQUESTED) : Optional.empty();
  }

  private void trainOneStep() {
    long began = System.nanoTime();
    long epoch = progress.step() / stepsPerEpoch;
    long index = progress.step() % stepsPerEpoch;
    double rate = settings.optimizer().learningRate() * schedule.factor(progress.step());
    if (!step.run(data, epoch, index, rate)) {
      throw new TrainingException(
          String.format(
              Locale.ROOT,
              "Trainer: step %d (epoch %d) has loss %s and gradient norm %s, expected finite"
                  + " numbers; the step was not applied, %s",
              progress.step() + 1,
              epoch,
              step.loss(),
              step.gradientNorm(),
              checkpoints.lastGood()),
          progress.step() + 1,
          step.loss(),
          checkpoints.newest().orElse(null));
    }
    progress.stepDone(step);
    long stepNanos = Math.max(1, System.nanoTime() - began);
    advanceClock();
    if (!listeners.isEmpty()) {
      StepMetrics metrics = metrics(epoch, index, rate, stepNanos);
      tell(listener -> listener.onStep(metrics));
    }
    boolean epochEnds = index + 1 == stepsPerEpoch;
    validateIfDue(epoch, epochEnds);
    if (epochEnds) {
      endEpoch(epoch);
    }
    advanceClock();
  }

  private void advanceClock() {
    progress.setTrainedNanos(nanosBeforeFit + System.nanoTime() - fitBeganNanos);
  }

  private StepMetrics metrics(long epoch, long index, double rate, long stepNanos) {
    long elapsed = progress.trainedNanos();
    double nanosPerStep = (double) (elapsed - nanosBeforeFit) / (progress.step() - stepsBeforeFit);
    return new StepMetrics(
        epoch,
        index,
        progress.step(),
        totalSteps,
        step.loss(),
        step.hits() / Math.max(1, step.targets()),
        rate,
        step.gradientNorm(),
        step.tokens() * 1e9 / stepNanos,
        elapsed,
        Math.round(nanosPerStep * (totalSteps - progress.step())));
  }

  private void validateIfDue(long epoch, boolean epochEnds) {
    Evaluator evaluator = validation;
    long every = settings.validateEverySteps();
    boolean due =
        epochEnds || progress.step() == totalSteps || (every > 0 && progress.step() % every == 0);
    if (evaluator == null || !due) {
      return;
    }
    Evaluation evaluation = evaluator.evaluate(settings.validationBatches());
    if (!Double.isFinite(evaluation.loss())) {
      throw new TrainingException(
          String.format(
              Locale.ROOT,
              "Trainer: validation loss is %s after step %d, expected a finite number; %s",
              evaluation.loss(),
              progress.step(),
              checkpoints.lastGood()),
          progress.step(),
          evaluation.loss(),
          checkpoints.newest().orElse(null));
    }
    boolean best = progress.validated(evaluation, settings.minDelta());
    if (best) {
      checkpoints.bestIsDue();
    }
    TrainingListener.Validation event =
        new TrainingListener.Validation(epoch, progress.step(), evaluation, best);
    tell(listener -> listener.onValidation(event));
  }

  private void endEpoch(long epoch) {
    EpochMetrics metrics =
        new EpochMetrics(
            epoch,
            progress.step(),
            progress.epochDone(),
            validation == null ? Optional.empty() : progress.validation(),
            progress.trainedNanos());
    tell(listener -> listener.onEpoch(metrics));
  }

  private boolean checkpointIsDue() {
    long every = settings.checkpointEverySteps();
    return progress.step() % (every > 0 ? every : stepsPerEpoch) == 0;
  }

  private TrainingResult result(TrainingResult.Reason reason) {
    return new TrainingResult(
        reason,
        progress.step(),
        progress.step() / stepsPerEpoch,
        progress.lastLoss(),
        progress.validation(),
        progress.best(),
        progress.trainedNanos(),
        checkpoints.newest());
  }

  private void tell(Consumer<TrainingListener> event) {
    for (TrainingListener listener : listeners) {
      event.accept(listener);
    }
  }

  private void tellCheckpoint(TrainingListener.Checkpoint checkpoint) {
    tell(listener -> listener.onCheckpoint(checkpoint));
  }

  /**
   * Asks {@link #fit()} to finish the step it is in, write {@code last} and return. May be called
   * from any thread, as from a shutdown hook, and before fit begins.
   */
  public void requestStop() {
    stopRequested = true;
  }

  /**
   * Writes a checkpoint of the run as it is, from which {@link TrainerBuilder#resume} goes on. Not
   * to be called while {@link #fit()} runs, except from a listener's {@code onEpoch} or {@code
   * onCheckpoint}.
   *
   * @param folder created or replaced as a whole
   * @throws IOException if it cannot be written; what was there is unchanged
   * @throws TrainingException if a parameter is not finite; nothing was written
   */
  public void save(Path folder) throws IOException {
    checkpoints.writeTo(folder.toAbsolutePath().normalize());
  }

  /**
   * Returns the steps done since the run began.
   *
   * @return the count, not negative
   */
  public long step() {
    return progress.step();
  }

  /**
   * Returns the steps of the whole run.
   *
   * @return the count, positive
   */
  public long totalSteps() {
    return totalSteps;
  }

  /**
   * Returns the model that is trained.
   *
   * @return the model
   */
  public MambaModel model() {
    return model;
  }

  /** Frees the moments and the activations; the model stays. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    step.close();
    if (validation != null) {
      validation.close();
    }
  }
}
