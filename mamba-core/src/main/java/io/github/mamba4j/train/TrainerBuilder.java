package io.github.mamba4j.train;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.spi.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a {@link Trainer}. Model, data and the length of the run ({@link #epochs} or
 * {@link #maxSteps}) are required.
 *
 * <p>Each setter but {@link #listener} may be called once, and refuses a value that is out of range
 * at once.
 */
public final class TrainerBuilder {
  private final Set<String> set = new HashSet<>();
  private final List<TrainingListener> listeners = new ArrayList<>();
  private @Nullable MambaModel model;
  private @Nullable BatchSource data;
  private @Nullable BatchSource validationData;
  private AdamW optimizer = AdamW.of(1e-3);
  private LearningRateSchedule schedule = LearningRateSchedule.constant();
  private long epochs;
  private long maxSteps;
  private int accumulation = 1;
  private double clipNorm = 1;
  private DType activations = DType.F32;
  private int pieceLength = Integer.MAX_VALUE;
  private long validateEverySteps;
  private long validationBatches = Long.MAX_VALUE;
  private int patience;
  private double minDelta;
  private @Nullable Path directory;
  private long checkpointEverySteps;
  private int keep;
  private AtomicFiles.DirectoryBody extras = folder -> {};
  private @Nullable Path resumeFrom;
  private boolean built;

  TrainerBuilder() {}

  /**
   * Sets what is trained.
   *
   * @param value the model, which stays the caller's to close, after the trainer
   * @return this
   * @throws IllegalArgumentException if its weights are mapped from a file or kept in fewer bits
   */
  public TrainerBuilder model(MambaModel value) {
    once("model");
    if (!value.isTrainable()) {
      throw new IllegalArgumentException(
          "Trainer: model keeps weights that cannot be trained ("
              + value.describeWeights()
              + "); load it with LoadOptions.defaults().precision(Precision.F32)");
    }
    model = value;
    return this;
  }

  /**
   * Sets what it is trained on.
   *
   * @param value the training data
   * @return this
   */
  public TrainerBuilder data(BatchSource value) {
    once("data");
    data = value;
    return this;
  }

  /**
   * Sets what it is measured on: at the end of each epoch and of the run, and as {@link
   * #validateEverySteps} says. Its batches may have another shape than the training data's.
   *
   * @param value the validation data (default: none)
   * @return this
   */
  public TrainerBuilder validationData(BatchSource value) {
    once("validationData");
    validationData = value;
    return this;
  }

  /**
   * Sets the optimiser.
   *
   * @param value its settings (default: {@code AdamW.of(1e-3)})
   * @return this
   */
  public TrainerBuilder optimizer(AdamW value) {
    once("optimizer");
    optimizer = value;
    return this;
  }

  /**
   * Sets how the learning rate moves.
   *
   * @param value the schedule (default: constant)
   * @return this
   */
  public TrainerBuilder schedule(LearningRateSchedule value) {
    once("schedule");
    schedule = value;
    return this;
  }

  /**
   * Sets the length of the run in epochs. With {@link #maxSteps}, what comes first ends the run.
   *
   * @param value positive
   * @return this
   */
  public TrainerBuilder epochs(long value) {
    epochs = positive("epochs", value);
    return this;
  }

  /**
   * Sets the length of the run in optimiser steps. With {@link #epochs}, what comes first ends the
   * run.
   *
   * @param value positive
   * @return this
   */
  public TrainerBuilder maxSteps(long value) {
    maxSteps = positive("maxSteps", value);
    return this;
  }

  /**
   * Sets how many batches make one optimiser step. The last batches of an epoch that are fewer than
   * that are left out.
   *
   * @param value positive (default: 1)
   * @return this
   */
  public TrainerBuilder accumulation(int value) {
    accumulation = Math.toIntExact(positive("accumulation", value));
    return this;
  }

  /**
   * Sets the type of activations and their gradients. {@link DType#BF16} is mixed precision: faster
   * on a GPU, with parameters, their gradients, moments and states in {@link DType#F32}.
   *
   * @param value {@link DType#F32} (default), or a type that the model's device computes in; others
   *     are refused when the trainer is built
   * @return this
   */
  public TrainerBuilder activations(DType value) {
    once("activations");
    activations = value;
    return this;
  }

  /**
   * Sets that sequences are trained by truncated back-propagation through time, which takes no more
   * memory however long they are: a batch is read in pieces, each of which begins with the states
   * that the one before it left, and gradients reach back to the beginning of their piece. There is
   * one optimiser step for {@link #accumulation} batches as ever, of the gradients of all pieces,
   * and each batch begins with empty states, so that checkpoints hold none. Validation data is read
   * in such pieces, too. See {@link TrainingStep#open(MambaModel, BatchSource, AdamW, double, int,
   * DType, int)}.
   *
   * @param value tokens of a sequence that gradients reach over at most, positive (default: all)
   * @return this
   */
  public TrainerBuilder truncatedBackpropagation(int value) {
    pieceLength = Math.toIntExact(positive("truncatedBackpropagation", value));
    return this;
  }

  /**
   * Sets the largest gradient norm that is not scaled down.
   *
   * @param value positive, infinity for no clipping (default: 1)
   * @return this
   */
  public TrainerBuilder clipNorm(double value) {
    once("clipNorm");
    if (!(value > 0)) {
      throw new IllegalArgumentException("Trainer: clipNorm must be positive, got " + value);
    }
    clipNorm = value;
    return this;
  }

  /**
   * Sets that the validation data is also looked at within epochs.
   *
   * @param steps every how many optimiser steps, positive (default: at the ends of epochs only)
   * @return this
   */
  public TrainerBuilder validateEverySteps(long steps) {
    validateEverySteps = positive("validateEverySteps", steps);
    return this;
  }

  /**
   * Sets how many batches of the validation data are looked at.
   *
   * @param value largest number, positive (default: all)
   * @return this
   */
  public TrainerBuilder validationBatches(long value) {
    validationBatches = positive("validationBatches", value);
    return this;
  }

  /**
   * Sets that training ends when the validation loss stops falling.
   *
   * @param patienceInValidations measurements in a row without a gain, positive (default: never)
   * @param smallestGain a loss has to be lower by more than this to be a gain, not negative
   * @return this
   */
  public TrainerBuilder earlyStopping(int patienceInValidations, double smallestGain) {
    patience = Math.toIntExact(positive("patience", patienceInValidations));
    if (!(smallestGain >= 0)) {
      throw new IllegalArgumentException(
          "Trainer: minDelta must not be negative, got " + smallestGain);
    }
    minDelta = smallestGain;
    return this;
  }

  /**
   * Sets where checkpoints go: {@code last} at the end of each epoch and of the run, {@code best}
   * when the validation loss is the lowest so far. Each is a folder that {@link #resume} and {@link
   * MambaModel#load} read, and is replaced as a whole.
   *
   * @param folder created if it does not exist (default: no checkpoints)
   * @return this
   */
  public TrainerBuilder checkpoints(Path folder) {
    once("checkpoints");
    directory = folder.toAbsolutePath().normalize();
    return this;
  }

  /**
   * Sets that {@code last} is written within epochs instead of at their ends.
   *
   * @param steps every how many optimiser steps, positive
   * @return this
   */
  public TrainerBuilder checkpointEverySteps(long steps) {
    checkpointEverySteps = positive("checkpointEverySteps", steps);
    return this;
  }

  /**
   * Sets that the newest checkpoints also stay as {@code step-N}.
   *
   * @param count how many, positive (default: none)
   * @return this
   */
  public TrainerBuilder keepCheckpoints(int count) {
    keep = Math.toIntExact(positive("keepCheckpoints", count));
    return this;
  }

  /**
   * Sets what else belongs into each checkpoint, such as the tokenizer.
   *
   * @param files writes further files into a new checkpoint's folder before it is moved into place
   * @return this
   */
  public TrainerBuilder checkpointExtras(AtomicFiles.DirectoryBody files) {
    once("checkpointExtras");
    extras = files;
    return this;
  }

  /**
   * Sets that the run goes on from a checkpoint: parameters, moments, step and metrics are taken
   * from there when the trainer is built. Data, model shape and the settings that the numbers
   * depend on must be those of the checkpoint; the length of the run may be another one if the
   * schedule does not depend on it.
   *
   * @param folder a checkpoint, or the folder that holds {@code last}
   * @return this
   */
  public TrainerBuilder resume(Path folder) {
    once("resume");
    resumeFrom = folder.toAbsolutePath().normalize();
    return this;
  }

  /**
   * Adds a listener.
   *
   * @param listener called in the order of addition
   * @return this
   */
  public TrainerBuilder listener(TrainingListener listener) {
    listeners.add(listener);
    return this;
  }

  /**
   * Sets that progress is logged at level INFO.
   *
   * @param steps every how many optimiser steps, positive (default: not at all)
   * @return this
   */
  public TrainerBuilder logEverySteps(long steps) {
    listeners.add(new LoggingListener(positive("logEverySteps", steps)));
    return this;
  }

  /**
   * Makes the trainer.
   *
   * @return the trainer, to be closed before the model
   * @throws IllegalStateException if something is missing or contradictory; the message names all
   *     of it
   * @throws io.github.mamba4j.checkpoint.CheckpointException if the checkpoint to resume from is
   *     damaged or of another run; the model is unchanged
   * @throws IOException if it cannot be read
   */
  public Trainer build() throws IOException {
    List<String> wrong = new ArrayList<>();
    check(wrong, model != null, "model is missing");
    check(wrong, data != null, "data is missing");
    check(wrong, epochs > 0 || maxSteps > 0, "epochs or maxSteps is missing");
    if (validationData == null) {
      for (String name : List.of("validateEverySteps", "validationBatches", "patience")) {
        check(wrong, !set.contains(name), name + " needs validationData");
      }
    }
    if (directory == null) {
      for (String name : List.of("checkpointEverySteps", "keepCheckpoints", "checkpointExtras")) {
        check(wrong, !set.contains(name), name + " needs checkpoints");
      }
    }
    long batches = data == null ? Long.MAX_VALUE : data.stepsPerEpoch();
    check(
        wrong,
        accumulation <= batches,
        String.format(
            Locale.ROOT, "accumulation is %d, but an epoch has %d batches", accumulation, batches));
    MambaModel trained = model;
    BatchSource source = data;
    if (!wrong.isEmpty() || trained == null || source == null) {
      throw new IllegalStateException("Trainer: " + String.join("; ", wrong));
    }
    built = true;
    return new Trainer(this, trained, source);
  }

  private static void check(List<String> wrong, boolean holds, String otherwise) {
    if (!holds) {
      wrong.add(otherwise);
    }
  }

  private void once(String name) {
    if (built) {
      throw new IllegalStateException("Trainer: " + name + " comes after build");
    }
    if (!set.add(name)) {
      throw new IllegalStateException("Trainer: " + name + " was set already");
    }
  }

  private long positive(String name, long value) {
    once(name);
    if (value <= 0) {
      throw new IllegalArgumentException("Trainer: " + name + " must be positive, got " + value);
    }
    return value;
  }

  /** Returns the number of optimiser steps of the run. */
  long totalSteps(long stepsPerEpoch) {
    long ofEpochs = epochs == 0 ? Long.MAX_VALUE : Math.multiplyExact(epochs, stepsPerEpoch);
    return maxSteps == 0 ? ofEpochs : Math.min(maxSteps, ofEpochs);
  }

  List<TrainingListener> listeners() {
    return listeners;
  }

  @Nullable BatchSource validationData() {
    return validationData;
  }

  AdamW optimizer() {
    return optimizer;
  }

  LearningRateSchedule schedule() {
    return schedule;
  }

  int accumulation() {
    return accumulation;
  }

  double clipNorm() {
    return clipNorm;
  }

  DType activations() {
    return activations;
  }

  int pieceLength() {
    return pieceLength;
  }

  long validateEverySteps() {
    return validateEverySteps;
  }

  long validationBatches() {
    return validationBatches;
  }

  int patience() {
    return patience;
  }

  double minDelta() {
    return minDelta;
  }

  @Nullable Path directory() {
    return directory;
  }

  long checkpointEverySteps() {
    return checkpointEverySteps;
  }

  int keep() {
    return keep;
  }

  AtomicFiles.DirectoryBody extras() {
    return extras;
  }

  @Nullable Path resumeFrom() {
    return resumeFrom;
  }
}
