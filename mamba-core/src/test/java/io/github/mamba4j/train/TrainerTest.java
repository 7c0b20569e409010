package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.model.LoadOptions;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {

  private static Toys.Fixed oneBatch(int batch, int length, long steps) {
    Random random = new Random(3);
    int[] inputs = random.ints((long) batch * length, 0, Toys.VOCAB).toArray();
    int[] targets = random.ints((long) batch * length, 0, Toys.VOCAB).toArray();
    return new Toys.Fixed(batch, length, steps, inputs, targets);
  }

  @Test
  void fit_oneBatchAgainAndAgain_isMemorised() throws IOException {
    Toys.Recorder recorder = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(oneBatch(2, 8, 200))
                .epochs(1)
                .optimizer(AdamW.of(1e-2).withWeightDecay(0))
                .schedule(LearningRateSchedule.cosine(0.1).withWarmup(10))
                .listener(recorder)
                .build()) {
      TrainingResult result = trainer.fit();

      assertThat(recorder.steps.getFirst().loss()).isGreaterThan(2);
      assertThat(result.finalLoss()).isLessThan(0.05);
      assertThat(recorder.steps.getLast().accuracy()).isEqualTo(1);
      assertThat(result.reason()).isEqualTo(TrainingResult.Reason.COMPLETED);
      assertThat(result.lastCheckpoint()).isEmpty();
    }
  }

  @Test
  void fit_twoEpochs_tellsListenersInOrder() throws IOException {
    Toys.Recorder recorder = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(3))
                .validationData(Toys.noise(2))
                .epochs(2)
                .optimizer(AdamW.of(0.01))
                .schedule(LearningRateSchedule.linear(0).withWarmup(2))
                .listener(recorder)
                .logEverySteps(2)
                .build()) {
      trainer.fit();
    }

    assertThat(recorder.events.stream().map(event -> event.substring(0, event.indexOf(' '))))
        .containsExactly(
            "start",
            "step",
            "step",
            "step",
            "validation",
            "epoch",
            "step",
            "step",
            "step",
            "validation",
            "epoch",
            "end");
    assertThat(recorder.steps.stream().map(StepMetrics::learningRate))
        .containsExactly(0.005, 0.01, 0.01, 0.0075, 0.005, 0.0025);
    assertThat(recorder.steps.stream().map(StepMetrics::step))
        .containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
    double mean =
        recorder.steps.stream().limit(3).mapToDouble(StepMetrics::loss).average().orElse(0);
    EpochMetrics first = recorder.epochs.getFirst();
    assertThat(first.training().loss()).isCloseTo(mean, within(1e-12));
    assertThat(first.training().targets()).isEqualTo(3 * 2 * 7);
    assertThat(first.validation()).contains(recorder.validations.getFirst().evaluation());
    StepMetrics last = recorder.steps.getLast();
    assertThat(last.remainingNanos()).isZero();
    assertThat(last.elapsedNanos()).isPositive();
    assertThat(last.tokensPerSecond()).isPositive();
    assertThat(last.perplexity()).isEqualTo(Math.exp(last.loss()));
  }

  @Test
  void fit_oneOrTwoThreads_givesTheSameBits() throws IOException {
    Map<String, float[]> single = trained(1);
    Map<String, float[]> twin = trained(2);

    assertThat(twin.keySet()).isEqualTo(single.keySet());
    single.forEach((name, values) -> assertThat(twin.get(name)).as(name).isEqualTo(values));
  }

  private static Map<String, float[]> trained(int threads) throws IOException {
    try (MambaModel model = Toys.model(threads);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(new Toys.Noise(3, 37, 4, Toys.VOCAB, 9))
                .epochs(2)
                .optimizer(AdamW.of(0.01))
                .build()) {
      trainer.fit();
      return Toys.weights(model);
    }
  }

  /** Two batches of another source side by side. */
  private record Doubled(BatchSource source) implements BatchSource {
    @Override
    public int batchSize() {
      return 2 * source.batchSize();
    }

    @Override
    public int length() {
      return source.length();
    }

    @Override
    public long stepsPerEpoch() {
      return source.stepsPerEpoch() / 2;
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      int count = inputs.length / 2;
      int[] ids = new int[count];
      int[] next = new int[count];
      for (int half = 0; half < 2; half++) {
        source.read(epoch, 2 * step + half, ids, next);
        System.arraycopy(ids, 0, inputs, half * count, count);
        System.arraycopy(next, 0, targets, half * count, count);
      }
    }

    @Override
    public String fingerprint() {
      return source.fingerprint();
    }
  }

  @Test
  void fit_accumulation_equalsOneLargeBatch() throws IOException {
    Toys.Recorder accumulated = new Toys.Recorder();
    Toys.Recorder large = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(9))
                .accumulation(2)
                .epochs(2)
                .listener(accumulated)
                .build()) {
      assertThat(trainer.totalSteps()).isEqualTo(8);
      trainer.fit();
    }
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(new Doubled(Toys.noise(9)))
                .epochs(2)
                .listener(large)
                .build()) {
      trainer.fit();
    }

    assertThat(accumulated.steps).hasSize(8);
    for (int i = 0; i < 8; i++) {
      StepMetrics actual = accumulated.steps.get(i);
      StepMetrics expected = large.steps.get(i);
      assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-5));
      assertThat(actual.gradientNorm()).isCloseTo(expected.gradientNorm(), within(1e-5));
      assertThat(actual.accuracy()).isEqualTo(expected.accuracy());
    }
  }

  @Test
  void fit_validationThatRises_stopsEarly() throws IOException {
    Toys.Recorder recorder = new Toys.Recorder();
    Toys.Fixed data = oneBatch(2, 8, 10);
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(data)
                .validationData(data.withShiftedTargets())
                .validateEverySteps(2)
                .earlyStopping(3, 0.01)
                .epochs(100)
                .optimizer(AdamW.of(0.01))
                .listener(recorder)
                .build()) {
      TrainingResult result = trainer.fit();

      assertThat(result.reason()).isEqualTo(TrainingResult.Reason.EARLY_STOPPED);
      assertThat(result.steps()).isLessThan(100);
      double best =
          recorder.validations.stream()
              .mapToDouble(validation -> validation.evaluation().loss())
              .min()
              .orElseThrow();
      assertThat(result.best().orElseThrow().loss()).isEqualTo(best);
      assertThat(result.validation()).contains(recorder.validations.getLast().evaluation());
      assertThat(trainer.fit().steps()).isEqualTo(result.steps());
    }
  }

  @Test
  void fit_stopFromAnotherThread_finishesTheStepAndGoesOnLater(@TempDir Path folder)
      throws IOException {
    AtomicReference<Trainer> running = new AtomicReference<>();
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void onStep(StepMetrics metrics) {
            if (metrics.step() == 2) {
              Thread other = new Thread(() -> running.get().requestStop());
              other.start();
              join(other);
            }
          }
        };
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(5))
                .epochs(1)
                .checkpoints(folder)
                .listener(stopper)
                .build()) {
      running.set(trainer);

      TrainingResult stopped = trainer.fit();
      assertThat(stopped.reason()).isEqualTo(TrainingResult.Reason.STOP_REQUESTED);
      assertThat(stopped.steps()).isEqualTo(2);
      assertThat(stopped.lastCheckpoint()).contains(folder.resolve("last"));

      TrainingResult finished = trainer.fit();
      assertThat(finished.reason()).isEqualTo(TrainingResult.Reason.COMPLETED);
      assertThat(finished.steps()).isEqualTo(5);
      assertThat(trainer.step()).isEqualTo(5);
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void fit_lossThatIsNotANumber_stopsBeforeTheUpdate(@TempDir Path folder) throws IOException {
    AtomicReference<MambaModel> trained = new AtomicReference<>();
    TrainingListener poison =
        new TrainingListener() {
          @Override
          public void onStep(StepMetrics metrics) {
            if (metrics.step() == 3) {
              Tensor norm = trained.get().parameters().get("backbone.norm_f.weight");
              float[] values = norm.toFloats();
              values[0] = Float.NaN;
              norm.write(MemorySegment.ofArray(values));
            }
          }
        };
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(9))
                .epochs(1)
                .checkpoints(folder)
                .checkpointEverySteps(2)
                .listener(poison)
                .build()) {
      trained.set(model);

      assertThatThrownBy(trainer::fit)
          .isInstanceOfSatisfying(
              TrainingException.class,
              e -> {
                assertThat(e.step()).isEqualTo(4);
                assertThat(e.loss()).isNaN();
                assertThat(e.lastCheckpoint()).contains(folder.resolve("last"));
              })
          .hasMessageContainingAll(
              "step 4 (epoch 0)", "loss NaN", folder.resolve("last").toString());
      assertThat(trainer.step()).isEqualTo(3);
      assertThat(Toys.weights(model).get("backbone.layers.0.mixer.D")).doesNotContain(Float.NaN);
      assertThatThrownBy(() -> trainer.save(folder.resolve("mine")))
          .isInstanceOf(TrainingException.class)
          .hasMessageContainingAll("backbone.norm_f.weight is not finite", "nothing was written");
      assertThat(folder.resolve("mine")).doesNotExist();
    }
    try (MambaModel saved = MambaModel.load(folder.resolve("last"))) {
      assertThat(Toys.weights(saved).get("backbone.norm_f.weight")).doesNotContain(Float.NaN);
    }
  }

  @Test
  void model_keptInFewerBitsOrMapped_isRefusedWithTheRemedy(@TempDir Path folder)
      throws IOException {
    try (MambaModel model = Toys.model(1)) {
      model.save(folder);
    }
    for (Precision precision : Precision.values()) {
      try (MambaModel model =
          MambaModel.load(folder, LoadOptions.defaults().precision(precision))) {
        TrainerBuilder builder = Trainer.builder();
        if (model.isTrainable()) {
          assertThat(precision).isEqualTo(Precision.F32);
          builder.model(model);
        } else {
          assertThatThrownBy(() -> builder.model(model))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageStartingWith("Trainer: model keeps weights that cannot be trained (")
              .hasMessageContaining(model.describeWeights())
              .hasMessageEndingWith("load it with LoadOptions.defaults().precision(Precision.F32)");
        }
      }
    }
  }

  @Test
  void fit_lossThatIsNotANumberWithoutCheckpoint_saysNone() throws IOException {
    try (MambaModel model = Toys.model(1);
        Trainer trainer = Trainer.builder().model(model).data(Toys.noise(2)).maxSteps(1).build()) {
      Tensor skip = model.parameters().get("backbone.layers.1.mixer.D");
      float[] values = new float[32];
      values[5] = Float.POSITIVE_INFINITY;
      skip.write(MemorySegment.ofArray(values));

      assertThatThrownBy(trainer::fit)
          .isInstanceOf(TrainingException.class)
          .hasMessageEndingWith("last good checkpoint: none");
    }
  }

  @Test
  void fit_unknownToken_isNamedWithItsPlace() throws IOException {
    int[] ids = new int[16];
    ids[11] = Toys.VOCAB;
    int[] targets = new int[16];
    targets[3] = -7;
    try (MambaModel model = Toys.model(1)) {
      assertRefused(
          model,
          new Toys.Fixed(2, 8, 1, ids, new int[16]),
          "BatchSource: token id 13 at [1, 3] of epoch 0, step 0 does not exist, expected one in"
              + " [0, 13)");
      assertRefused(
          model,
          new Toys.Fixed(2, 8, 1, new int[16], targets),
          "BatchSource: target -7 at [0, 3] of epoch 0, step 0 does not exist, expected one in [0,"
              + " 13)");
    }
  }

  private static void assertRefused(MambaModel model, BatchSource data, String message)
      throws IOException {
    try (Trainer trainer = Trainer.builder().model(model).data(data).epochs(1).build()) {
      assertThatThrownBy(trainer::fit)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(message);
    }
  }

  @Test
  void fit_closedTrainer_isRefused() throws IOException {
    try (MambaModel model = Toys.model(1)) {
      Trainer trainer = Trainer.builder().model(model).data(Toys.noise(1)).epochs(1).build();
      trainer.close();
      trainer.close();

      assertThatThrownBy(trainer::fit)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("Trainer: is closed");
      assertThat(trainer.model()).isSameAs(model);
    }
  }

  @Test
  void build_missingAndContradictory_namesAll() {
    assertThatThrownBy(() ->
            Trainer.builder().earlyStopping(1, 0).validateEverySteps(2).keepCheckpoints(1).build())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "Trainer: model is missing; data is missing; epochs or maxSteps is missing;"
                + " validateEverySteps needs validationData; patience needs validationData;"
                + " keepCheckpoints needs checkpoints");
  }

  @Test
  void builder_badValues_areRefusedAtOnce() throws IOException {
    assertThatThrownBy(() -> Trainer.builder().epochs(0))
        .hasMessage("Trainer: epochs must be positive, got 0");
    assertThatThrownBy(() -> Trainer.builder().clipNorm(Double.NaN))
        .hasMessage("Trainer: clipNorm must be positive, got NaN");
    assertThatThrownBy(() -> Trainer.builder().earlyStopping(1, -1))
        .hasMessageContaining("minDelta");
    assertThatThrownBy(() -> Trainer.builder().epochs(1).epochs(2))
        .hasMessage("Trainer: epochs was set already");
    try (MambaModel model = Toys.model(1)) {
      TrainerBuilder tooMany =
          Trainer.builder().model(model).data(Toys.noise(2)).epochs(1).accumulation(3);
      assertThatThrownBy(tooMany::build)
          .hasMessage("Trainer: accumulation is 3, but an epoch has 2 batches");
      TrainerBuilder built = Trainer.builder().model(model).data(Toys.noise(2)).epochs(1);
      built.build().close();
      assertThatThrownBy(() -> built.clipNorm(2)).hasMessage("Trainer: clipNorm comes after build");
      assertThatThrownBy(() -> TrainingStep.open(model, Toys.noise(1), AdamW.of(1), 1, 0))
          .hasMessage("TrainingStep: accumulation must be positive, got 0");
    }
  }

  @Test
  void builder_activationsThatTheDeviceDoesNotComputeIn_areRefused() throws IOException {
    try (MambaModel model = Toys.model(1)) {
      TrainerBuilder mixed =
          Trainer.builder().model(model).data(Toys.noise(2)).epochs(1).activations(DType.BF16);
      assertThatThrownBy(mixed::build)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "Scope: the device cpu does not compute in BF16; use F32, or a device that does,"
                  + " such as cuda");
    }
  }
}
