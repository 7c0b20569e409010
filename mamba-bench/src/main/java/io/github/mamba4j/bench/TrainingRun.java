package io.github.mamba4j.bench;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;

/**
 * Training of a small model: dModel 256, 6 layers, vocabulary 8192, batches of 8 sequences of 256
 * tokens; forward, backward, clipping at norm 1 and AdamW.
 */
public final class TrainingRun implements AutoCloseable {
  /** Sequences of a batch. */
  public static final int BATCH = 8;

  /** Tokens of a sequence. */
  public static final int LENGTH = 256;

  /** Tokens of a batch. */
  public static final int TOKENS = BATCH * LENGTH;

  /** The optimiser's settings. */
  public static final AdamW OPTIMIZER = AdamW.of(1e-4);

  /** The gradient's largest norm. */
  public static final double CLIP_NORM = 1;

  /** How many losses {@link #firstLosses} returns. */
  public static final int CHECKED_STEPS = 3;

  private static final int VOCAB = 8192;
  private static final int FLOPS_PER_PARAMETER = 6;
  private static final int WARM_UP_STEPS = 3000;

  private final SyntheticBatches data = batches();
  private final MambaModel model;
  private final TrainingStep step;

  /**
   * Makes the model.
   *
   * @param threads how many compute
   */
  public TrainingRun(int threads) {
    warmUp(threads);
    model = model(threads);
    step = TrainingStep.open(model, data, OPTIMIZER, CLIP_NORM, 1);
  }

  /** Returns the model as it starts. */
  public static MambaModel model(int threads) {
    return MambaModel.builder()
        .dModel(256)
        .nLayers(6)
        .vocabSize(VOCAB)
        .seed(1)
        .threads(threads)
        .build();
  }

  /** Returns the batches that are trained on. */
  public static SyntheticBatches batches() {
    return new SyntheticBatches(BATCH, LENGTH, VOCAB);
  }

  /**
   * Brings the kernels to the state that they have in a long run, by many steps of a small model.
   * Some of their methods are called once a layer; in steps of a second each those would be
   * interpreted, with vectors on the heap, for the whole of a benchmark's own warm-up.
   */
  private static void warmUp(int threads) {
    SyntheticBatches small = new SyntheticBatches(2, 80, 300);
    try (MambaModel other =
            MambaModel.builder().dModel(40).nLayers(2).vocabSize(300).threads(threads).build();
        TrainingStep steps = TrainingStep.open(other, small, OPTIMIZER, CLIP_NORM, 1)) {
      for (int i = 0; i < WARM_UP_STEPS; i++) {
        steps.run(small, 0, i, OPTIMIZER.learningRate());
      }
    }
  }

  /**
   * Trains on the first batch, several times.
   *
   * @return the losses
   * @throws IllegalStateException if they do not start where they must and fall
   */
  public double[] firstLosses() {
    double[] losses = new double[CHECKED_STEPS];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = train(0);
    }
    check(losses);
    return losses;
  }

  /**
   * Checks the losses of the first steps on one batch.
   *
   * @throws IllegalStateException if they do not start where they must and fall
   */
  public static void check(double[] losses) {
    double first = losses[0];
    double last = losses[losses.length - 1];
    if (!(Math.abs(first - Math.log(VOCAB)) <= 1)) {
      throw new IllegalStateException(
          "TrainingRun: the first loss is " + first + ", expected ln " + VOCAB + " ± 1");
    }
    if (!(last < first)) {
      throw new IllegalStateException(
          "TrainingRun: the loss went from " + first + " to " + last + " on one batch");
    }
  }

  /**
   * Trains on a batch.
   *
   * @param batch its number
   * @return the loss before the update
   */
  public double train(long batch) {
    if (!step.run(data, 0, batch, OPTIMIZER.learningRate())) {
      throw new IllegalStateException("TrainingRun: loss or gradient is not finite");
    }
    return step.loss();
  }

  /** Returns the usual estimate of a step's operations, 6 a parameter and token. */
  public long flops() {
    return FLOPS_PER_PARAMETER * model.parameterCount() * TOKENS;
  }

  /** Returns the bytes outside the heap for activations, their gradients, moments and scratch. */
  public long reservedBytes() {
    return step.reservedBytes();
  }

  @Override
  public void close() {
    step.close();
    model.close();
  }
}
