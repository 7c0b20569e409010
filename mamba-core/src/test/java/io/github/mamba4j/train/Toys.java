package io.github.mamba4j.train;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small models and small data for the tests of training. */
final class Toys {
  static final int VOCAB = 13;

  private Toys() {}

  /** A model of about two thousand parameters. */
  static MambaModel model(int threads) {
    return MambaModel.builder()
        .dModel(16)
        .nLayers(2)
        .vocabSize(VOCAB)
        .padVocabSizeMultiple(1)
        .dState(4)
        .seed(7)
        .device(TestDevice.name())
        .threads(threads)
        .build();
  }

  /**
   * Random tokens that are the same for the same seed, epoch and step; the last target of a row is
   * ignored.
   */
  record Noise(int batchSize, int length, long stepsPerEpoch, int vocab, long seed)
      implements BatchSource {
    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      Random random = new Random(seed * 1_000_003 + epoch * 1009 + step);
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = random.nextInt(vocab);
      }
      for (int i = 0; i < inputs.length; i++) {
        targets[i] = (i + 1) % length == 0 ? CrossEntropyOp.IGNORE : inputs[i + 1];
      }
    }

    @Override
    public String fingerprint() {
      byte[] seedText = Long.toString(seed).getBytes(StandardCharsets.UTF_8);
      return "0".repeat(64 - 2 * seedText.length) + HexFormat.of().formatHex(seedText);
    }
  }

  static Noise noise(long stepsPerEpoch) {
    return new Noise(2, 8, stepsPerEpoch, VOCAB, 5);
  }

  /** A source that says one thing in all batches. */
  static final class Fixed implements BatchSource {
    private final int batchSize;
    private final int length;
    private final long stepsPerEpoch;
    private final int[] inputs;
    private final int[] targets;

    Fixed(int batchSize, int length, long stepsPerEpoch, int[] inputs, int[] targets) {
      this.batchSize = batchSize;
      this.length = length;
      this.stepsPerEpoch = stepsPerEpoch;
      this.inputs = inputs.clone();
      this.targets = targets.clone();
    }

    /** The same inputs with every target one higher, one batch an epoch. */
    Fixed withShiftedTargets() {
      int[] shifted = Arrays.stream(targets).map(id -> (id + 1) % VOCAB).toArray();
      return new Fixed(batchSize, length, 1, inputs, shifted);
    }

    @Override
    public int batchSize() {
      return batchSize;
    }

    @Override
    public int length() {
      return length;
    }

    @Override
    public long stepsPerEpoch() {
      return stepsPerEpoch;
    }

    @Override
    public void read(long epoch, long step, int[] inputsOut, int[] targetsOut) {
      System.arraycopy(inputs, 0, inputsOut, 0, inputs.length);
      System.arraycopy(targets, 0, targetsOut, 0, targets.length);
    }

    @Override
    public String fingerprint() {
      return "f".repeat(64);
    }
  }

  static Map<String, float[]> weights(MambaModel model) {
    Map<String, float[]> weights = new LinkedHashMap<>();
    for (Map.Entry<String, Tensor> entry : model.parameters().entrySet()) {
      weights.put(entry.getKey(), entry.getValue().toFloats());
    }
    return weights;
  }

  /** Remembers what it is told, but for times. */
  static final class Recorder implements TrainingListener {
    final List<String> events = new ArrayList<>();
    final List<StepMetrics> steps = new ArrayList<>();
    final List<Validation> validations = new ArrayList<>();
    final List<EpochMetrics> epochs = new ArrayList<>();
    final List<Path> checkpoints = new ArrayList<>();

    @Override
    public void onStart(Start start) {
      events.add("start " + start.step() + "/" + start.totalSteps());
    }

    @Override
    public void onStep(StepMetrics metrics) {
      steps.add(metrics);
      events.add(
          "step %d.%d %s %s %s %s"
              .formatted(
                  metrics.epoch(),
                  metrics.stepInEpoch(),
                  metrics.loss(),
                  metrics.accuracy(),
                  metrics.learningRate(),
                  metrics.gradientNorm()));
    }

    @Override
    public void onValidation(Validation validation) {
      validations.add(validation);
      events.add("validation " + validation);
    }

    @Override
    public void onEpoch(EpochMetrics metrics) {
      epochs.add(metrics);
      events.add("epoch " + metrics.epoch() + " " + metrics.training() + metrics.validation());
    }

    @Override
    public void onCheckpoint(Checkpoint checkpoint) {
      checkpoints.add(checkpoint.folder());
      events.add("checkpoint " + checkpoint.folder().getFileName() + " " + checkpoint.step());
    }

    @Override
    public void onEnd(TrainingResult result) {
      events.add("end " + result.reason());
    }
  }
}
