package io.github.mamba4j.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResumeTest {
  @TempDir Path folder;

  /** Three epochs of four steps of two micro-batches. */
  private TrainerBuilder settings(MambaModel model) {
    return Trainer.builder()
        .model(model)
        .data(Toys.noise(8))
        .validationData(Toys.noise(2))
        .validateEverySteps(3)
        .earlyStopping(50, 0)
        .accumulation(2)
        .epochs(3)
        .optimizer(AdamW.of(0.01))
        .schedule(LearningRateSchedule.cosine(0.1).withWarmup(2));
  }

  /** Stops a run after some steps, inside an epoch or at its end. */
  private void interrupted(Supplier<MambaModel> made, int steps, Toys.Recorder recorder)
      throws IOException {
    List<Trainer> running = new ArrayList<>();
    TrainingListener stopper =
        new TrainingListener() {
          @Override
          public void onStep(StepMetrics metrics) {
            if (metrics.step() == steps) {
              running.getFirst().requestStop();
            }
          }
        };
    try (MambaModel model = made.get();
        Trainer trainer =
            settings(model).checkpoints(folder).listener(recorder).listener(stopper).build()) {
      running.add(trainer);
      trainer.fit();
    }
  }

  private static List<String> metrics(Toys.Recorder recorder) {
    return recorder.events.stream()
        .filter(event -> event.matches("(step|validation|epoch) .*"))
        .toList();
  }

  @ParameterizedTest(name = "after step {0}")
  @ValueSource(ints = {1, 4, 6, 11})
  void resume_interruptedRun_equalsTheUninterruptedBitByBit(int steps) throws IOException {
    Toys.Recorder whole = new Toys.Recorder();
    Map<String, float[]> expected;
    TrainingResult expectedResult;
    try (MambaModel model = Toys.model(1);
        Trainer trainer = settings(model).listener(whole).build()) {
      expectedResult = trainer.fit();
      expected = Toys.weights(model);
    }

    Toys.Recorder parts = new Toys.Recorder();
    interrupted(() -> Toys.model(1), steps, parts);
    try (MambaModel model = Toys.model(2);
        Trainer trainer =
            settings(model).checkpoints(folder).resume(folder).listener(parts).build()) {
      assertThat(trainer.step()).isEqualTo(steps);
      TrainingResult result = trainer.fit();

      assertThat(metrics(parts)).isEqualTo(metrics(whole));
      assertThat(result.finalLoss()).isEqualTo(expectedResult.finalLoss());
      assertThat(result.best()).isEqualTo(expectedResult.best());
      assertThat(result.validation()).isEqualTo(expectedResult.validation());
      Map<String, float[]> actual = Toys.weights(model);
      expected.forEach((name, values) -> assertThat(actual.get(name)).as(name).isEqualTo(values));
    }
  }

  @Test
  void resume_mamba2_equalsTheUninterruptedBitByBit() throws IOException {
    Map<String, float[]> expected;
    try (MambaModel model = mamba2();
        Trainer trainer = settings(model).build()) {
      trainer.fit();
      expected = Toys.weights(model);
    }
    interrupted(ResumeTest::mamba2, 5, new Toys.Recorder());
    try (MambaModel model = mamba2();
        Trainer trainer = settings(model).checkpoints(folder).resume(folder).build()) {
      assertThat(trainer.step()).isEqualTo(5);
      trainer.fit();
      Map<String, float[]> actual = Toys.weights(model);
      expected.forEach((name, values) -> assertThat(actual.get(name)).as(name).isEqualTo(values));
    }
  }

  /** No state outlives its batch, so that a checkpoint needs none. */
  @Test
  void resume_truncatedBackpropagation_equalsTheUninterruptedBitByBit() throws IOException {
    List<Map<String, float[]>> ends = new ArrayList<>();
    for (int[] run : new int[][] {{6}, {4, 6}}) {
      try (MambaModel model = Toys.model(run.length)) {
        for (int i = 0; i < run.length; i++) {
          TrainerBuilder part =
              Trainer.builder()
                  .model(model)
                  .data(Toys.noise(4))
                  .validationData(Toys.noise(2))
                  .truncatedBackpropagation(3)
                  .checkpoints(folder)
                  .maxSteps(run[i]);
          try (Trainer trainer = (i == 0 ? part : part.resume(folder)).build()) {
            trainer.fit();
          }
        }
        ends.add(Toys.weights(model));
      }
    }
    assertThat(ends.get(1)).usingRecursiveComparison().isEqualTo(ends.get(0));
  }

  private static MambaModel mamba2() {
    return MambaModel.builder()
        .architecture(Architecture.MAMBA2)
        .dModel(16)
        .nLayers(2)
        .dState(4)
        .headDim(8)
        .vocabSize(Toys.VOCAB)
        .seed(3)
        .device("cpu")
        .build();
  }

  @Test
  void resume_finishedRun_hasNothingToDo() throws IOException {
    Toys.Recorder first = new Toys.Recorder();
    TrainingResult finished;
    try (MambaModel model = Toys.model(1);
        Trainer trainer = settings(model).checkpoints(folder).listener(first).build()) {
      finished = trainer.fit();
    }
    Toys.Recorder second = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            settings(model)
                .checkpoints(folder)
                .resume(folder.resolve("last"))
                .listener(second)
                .build()) {
      TrainingResult result = trainer.fit();

      assertThat(result.finalLoss()).isEqualTo(finished.finalLoss());
      assertThat(result.best()).isEqualTo(finished.best());
      assertThat(second.events).containsExactly("start 12/12", "end COMPLETED");
    }
  }

  @Test
  void checkpoints_ofARun_areLastBestAndTheNewestFew() throws IOException {
    Toys.Recorder recorder = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            settings(model)
                .checkpoints(folder)
                .checkpointEverySteps(2)
                .keepCheckpoints(2)
                .checkpointExtras(
                    fresh -> Files.writeString(fresh.resolve("tokenizer.txt"), "letters"))
                .listener(recorder)
                .build()) {
      TrainingResult result = trainer.fit();

      assertThat(names(folder)).containsExactly("best", "last", "step-000000010", "step-000000012");
      assertThat(names(folder.resolve("last")))
          .containsExactly(
              "config.json",
              "model.safetensors",
              "optimizer.safetensors",
              "tokenizer.txt",
              "training.json");
      assertThat(result.lastCheckpoint()).contains(folder.resolve("last"));
      try (MambaModel best = MambaModel.load(folder.resolve("best"));
          MambaModel last = MambaModel.load(folder.resolve("last"))) {
        assertThat(Evaluator.evaluate(best, Toys.noise(2)).loss())
            .isEqualTo(result.best().orElseThrow().loss());
        Toys.weights(model)
            .forEach((name, values) ->
                assertThat(Toys.weights(last).get(name)).as(name).isEqualTo(values));
      }
    }
    assertThat(recorder.checkpoints).contains(folder.resolve("best"), folder.resolve("last"));
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private void assertRefused(UnaryOperator<TrainerBuilder> change, String... message)
      throws IOException {
    try (MambaModel model = Toys.model(1)) {
      Map<String, float[]> before = Toys.weights(model);
      TrainerBuilder builder = change.apply(Trainer.builder().model(model).resume(folder));
      assertThatThrownBy(builder::build)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll(message);
      Map<String, float[]> after = Toys.weights(model);
      before.forEach((name, values) -> assertThat(after.get(name)).isEqualTo(values));
    }
  }

  private void oneEpoch() throws IOException {
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(3))
                .epochs(1)
                .checkpoints(folder)
                .build()) {
      trainer.fit();
    }
  }

  @Test
  void resume_otherDataOrSettings_isRefusedWithBothValues() throws IOException {
    oneEpoch();

    Toys.Noise other = new Toys.Noise(2, 8, 3, Toys.VOCAB, 6);
    assertRefused(
        run -> run.data(other).epochs(2),
        "training.json",
        "data fingerprint was " + Toys.noise(3).fingerprint(),
        "is " + other.fingerprint());
    assertRefused(
        run -> run.data(Toys.noise(3)).epochs(2).optimizer(AdamW.of(0.5)).clipNorm(2),
        "setting learningRate was 0.001, is 0.5 now; setting clipNorm was 1.0, is 2.0 now");
    assertRefused(
        run -> run.data(Toys.noise(3)).epochs(2).schedule(LearningRateSchedule.linear(0)),
        "setting decay was CONSTANT, is LINEAR now");
    assertRefused(
        run -> run.data(Toys.noise(3)).epochs(2).truncatedBackpropagation(3),
        "setting truncatedBackpropagation was not set, is 3 now");
    assertRefused(
        run -> run.data(Toys.noise(3)).maxSteps(2), "is at step 3, but the run ends at step 2");
  }

  @Test
  void resume_otherModel_isRefusedWithBothValues() throws IOException {
    oneEpoch();
    try (MambaModel wider =
        MambaModel.builder().dModel(8).nLayers(2).vocabSize(Toys.VOCAB).device("cpu").build()) {
      TrainerBuilder builder =
          Trainer.builder().model(wider).data(Toys.noise(3)).epochs(2).resume(folder);
      assertThatThrownBy(builder::build)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll(
              "model mixer.dModel was 16, is 8 now", "model mixer.dState was 4, is 16");
    }
  }

  @Test
  void resume_longerRunUnderConstantRate_goesOn() throws IOException {
    oneEpoch();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder().model(model).data(Toys.noise(3)).epochs(2).resume(folder).build()) {
      assertThat(trainer.fit().steps()).isEqualTo(6);
    }
  }

  @Test
  void resume_damagedFolder_isRefused() throws IOException {
    assertRefused(
        run -> run.data(Toys.noise(3)).epochs(2),
        "holds no training.json, expected a checkpoint's folder or one that contains 'last'");
    oneEpoch();
    Path moments = folder.resolve("last").resolve("optimizer.safetensors");
    Files.write(moments, new byte[] {1, 2, 3});
    assertRefused(run -> run.data(Toys.noise(3)).epochs(2), moments.toString());
    Path json = folder.resolve("last").resolve("training.json");
    Files.writeString(json, "{\"format\": \"mamba4j-training\", \"version\": 2}");
    assertRefused(
        run -> run.data(Toys.noise(3)).epochs(2),
        "is mamba4j-training version 2, expected mamba4j-training version 1");
  }

  @Test
  void fit_diskThatFills_keepsTheOldCheckpointAndGoesOn() throws IOException {
    int[] written = {0};
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(6))
                .epochs(1)
                .checkpoints(folder)
                .checkpointEverySteps(2)
                .checkpointExtras(fresh -> {
                  if (++written[0] == 2) {
                    throw new IOException("No space left on device");
                  }
                })
                .build()) {
      assertThatThrownBy(trainer::fit)
          .isInstanceOf(IOException.class)
          .hasMessage(
              "Trainer: checkpoint of step 4 could not be written to %s (No space left on device);"
                  + " what was there is unchanged and the run is still in memory: make room and"
                  + " call fit() again to go on, or save(...) elsewhere",
              folder.resolve("last"));
      assertThat(names(folder)).containsExactly("last");
      assertThat(stepOf(folder.resolve("last"))).isEqualTo(2);

      Path elsewhere = folder.resolve("elsewhere");
      trainer.save(elsewhere);
      assertThat(stepOf(elsewhere)).isEqualTo(4);
      assertThat(trainer.fit().steps()).isEqualTo(6);
      assertThat(stepOf(folder.resolve("last"))).isEqualTo(6);
    }
  }

  private static long stepOf(Path checkpoint) throws IOException {
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(6))
                .epochs(1)
                .resume(checkpoint)
                .build()) {
      return trainer.step();
    }
  }

  @Test
  void fit_folderThatIsAFile_failsBeforeTheFirstStep() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "here");
    Toys.Recorder recorder = new Toys.Recorder();
    try (MambaModel model = Toys.model(1);
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(Toys.noise(6))
                .epochs(1)
                .checkpoints(file)
                .listener(recorder)
                .build()) {
      assertThatThrownBy(trainer::fit)
          .isInstanceOf(IOException.class)
          .hasMessage(
              "Trainer: checkpoint folder %s cannot be written (%s is a file); choose another"
                  + " folder",
              file, file);
    }
    assertThat(recorder.events).isEmpty();
    assertThat(file).hasContent("here");
  }
}
