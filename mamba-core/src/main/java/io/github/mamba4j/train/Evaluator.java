package io.github.mamba4j.train;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Measures a model on data, without gradients. Means are weighted by the number of counted targets,
 * so a batch with ignored positions weighs less. Every row of a batch starts from an empty state;
 * {@link StreamEvaluator} reads sequences of any length with a carried one.
 *
 * <p>The forward pass is recorded once and repeated, but in pieces: the model may change between
 * evaluations, the shape of the batches may not. For one thread at a time.
 */
public final class Evaluator implements AutoCloseable {
  private final MambaModel model;
  private final BatchSource source;
  private final Arena arena = Arena.ofShared();
  private final Scope scope;
  private final HostBatch batch;
  private final MemorySegment scalar;

  /** What a batch's pieces hand on, and where they are computed; null for whole batches. */
  private final @Nullable InferenceState state;

  private final Scope work;
  private @Nullable Runnable forward;
  private @Nullable Tensor loss;
  private @Nullable Tensor hits;

  private Evaluator(MambaModel model, BatchSource source, int pieceLength) {
    this.model = model;
    this.source = source;
    this.scope = model.openScope();
    this.batch = new HostBatch(model, scope, source, pieceLength, arena);
    this.scalar = arena.allocate(ValueLayout.JAVA_FLOAT);
    this.state = batch.pieces() == 1 ? null : model.newState(source.batchSize());
    this.work = scope.openSeparateChild();
  }

  /**
   * Prepares to measure a model on data.
   *
   * @param model the model
   * @param source the data, of which epoch 0 is read
   * @return the evaluator, to be closed before the model
   */
  public static Evaluator open(MambaModel model, BatchSource source) {
    return open(model, source, Integer.MAX_VALUE);
  }

  /**
   * Prepares to measure a model on data whose sequences are read in pieces with a carried state, so
   * that memory does not grow with their length.
   *
   * @param model the model
   * @param source the data, of which epoch 0 is read
   * @param pieceLength tokens of a sequence that are read at once at most, positive; the result
   *     does not depend on it but for rounding
   * @return the evaluator, to be closed before the model
   * @throws IllegalArgumentException if pieceLength is not positive
   */
  public static Evaluator open(MambaModel model, BatchSource source, int pieceLength) {
    if (pieceLength <= 0) {
      throw new IllegalArgumentException(
          "Evaluator: pieceLength must be positive, got " + pieceLength);
    }
    return new Evaluator(model, source, pieceLength);
  }

  /**
   * Measures a model on one epoch of data.
   *
   * @param model the model
   * @param source the data, of which epoch 0 is read
   * @return loss and accuracy
   * @throws IllegalArgumentException as {@link #evaluate()}
   */
  public static Evaluation evaluate(MambaModel model, BatchSource source) {
    try (Evaluator evaluator = open(model, source)) {
      return evaluator.evaluate();
    }
  }

  /**
   * Measures the model as it is now on one epoch of the data.
   *
   * @return loss and accuracy
   * @throws IllegalArgumentException if a token is unknown to the model, or no target counts
   */
  public Evaluation evaluate() {
    return evaluate(Long.MAX_VALUE);
  }

  /**
   * Measures the model as it is now on the first batches of the data.
   *
   * @param maxBatches largest number of batches, positive
   * @return loss and accuracy
   * @throws IllegalArgumentException if a token is unknown to the model, no target counts, or
   *     maxBatches is not positive
   */
  public Evaluation evaluate(long maxBatches) {
    return evaluate(maxBatches, soFar -> true);
  }

  /**
   * Measures the model as it is now on the first batches of the data, with a word in between.
   *
   * @param maxBatches largest number of batches, positive
   * @param goOn is told the result so far after each batch, and ends the evaluation there by
   *     returning false
   * @return loss and accuracy over what was read
   * @throws IllegalArgumentException if a token is unknown to the model, no target counts, or
   *     maxBatches is not positive
   */
  public Evaluation evaluate(long maxBatches, Predicate<Evaluation> goOn) {
    if (maxBatches <= 0) {
      throw new IllegalArgumentException(
          "Evaluator: maxBatches must be positive, got " + maxBatches);
    }
    long batches = Math.min(maxBatches, source.stepsPerEpoch());
    double lossSum = 0;
    double hitSum = 0;
    long counted = 0;
    boolean more = true;
    for (long i = 0; i < batches && more; i++) {
      batch.load(source, 0, i);
      if (state != null) {
        state.reset();
      }
      for (int piece = 0; piece < batch.pieces(); piece++) {
        int targets = batch.write(piece);
        run();
        lossSum += (double) targets * read(loss);
        hitSum += read(hits);
        counted += targets;
      }
      more =
          counted == 0 || goOn.test(new Evaluation(lossSum / counted, hitSum / counted, counted));
    }
    if (counted == 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT, "Evaluator: none of the %d batches has a target that counts", batches));
    }
    return new Evaluation(lossSum / counted, hitSum / counted, counted);
  }

  private void run() {
    if (state != null) {
      work.reset();
      keep(model.loss(batch.inputs().in(work), batch.targets().in(work), state));
      return;
    }
    if (forward != null) {
      forward.run();
      return;
    }
    forward = scope.record(() -> keep(model.loss(batch.inputs(), batch.targets())));
  }

  private void keep(CrossEntropyOp.Result result) {
    loss = result.mean();
    hits = result.hits().sum();
  }

  private float read(@Nullable Tensor value) {
    if (value == null) {
      throw new IllegalStateException("Evaluator: nothing was computed");
    }
    value.read(scalar);
    return scalar.get(ValueLayout.JAVA_FLOAT, 0);
  }

  /** Frees the memory; the model stays. */
  @Override
  public void close() {
    work.close();
    if (state != null) {
      state.close();
    }
    scope.close();
    arena.close();
  }
}
