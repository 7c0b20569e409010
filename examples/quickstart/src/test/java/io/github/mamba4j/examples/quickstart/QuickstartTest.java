package io.github.mamba4j.examples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.generate.FinishReason;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenStream;
import io.github.mamba4j.model.MambaModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs every program, smaller where that is enough. */
class QuickstartTest {
  @TempDir private Path folder;

  @Test
  void trainCharacterModelAndStreamText_someSteps_learnAndStream() throws Exception {
    double loss = TrainCharacterModel.train(folder, 120);

    // Guessing costs log(30) = 3.4 nats a character.
    assertThat(loss).isLessThan(1);

    List<String> pieces = new ArrayList<>();
    StreamText.stream(folder, "The quick ", pieces::add);

    assertThat(pieces).hasSizeGreaterThan(80);
    assertThat(String.join("", pieces)).startsWith("The quick br").hasSize(90);

    assertThat(LoadHuggingFace.run(folder, "The quick ")).contains("\nThe quick brown");
  }

  @Test
  void trainLongSequence_manyPieces_learnsTheSquares() throws Exception {
    // The token before alone leaves a choice of two: log(2) = 0.7 nats.
    assertThat(TrainLongSequence.train(384, 40)).isLessThan(0.5);
  }

  @Test
  void saveAndForkState_sameSeed_givesTheSameTextFromTheFile() throws Exception {
    List<String> texts = SaveAndForkState.run(folder.resolve("state.safetensors"));

    assertThat(texts).hasSize(3);
    assertThat(texts.get(2)).isEqualTo(texts.get(0)).isNotEqualTo(texts.get(1));
  }

  @Test
  void classifySequence_trained_findsTheMarks() throws Exception {
    assertThat(ClassifySequence.run(150)).isGreaterThan(0.9);
  }

  @Test
  void selectiveScanAlone_smallSteps_keepThePast() {
    float[][] result = SelectiveScanAlone.run();

    double take = 1 - 1 / (1 + Math.exp(5));
    double keep = 1 / (1 + Math.exp(-9));
    double h = take * 7;
    float[] inputs = {1, 2, 3};
    assertThat((double) result[0][0]).isCloseTo(h, within(1e-5));
    for (int t = 1; t <= 3; t++) {
      h = keep * h + (1 - keep) * inputs[t - 1];
      assertThat((double) result[0][t]).isCloseTo(h, within(1e-5));
    }
    h = (1 - take) * h + take * 9;
    assertThat((double) result[0][4]).isCloseTo(h, within(1e-5));
    assertThat((double) result[1][4]).isCloseTo(take, within(1e-5));
  }

  @Test
  void streamWithCancel_bothWays_stopsEarly() {
    SamplingOptions options = SamplingOptions.builder().maxNewTokens(1_000_000).build();
    try (MambaModel model = MambaModel.builder().dModel(16).nLayers(1).vocabSize(64).build()) {
      Generator generator = Generator.of(model);
      try (TokenStream tokens = generator.stream(new int[] {1}, options)) {
        assertThat(StreamWithCancel.readUntilStopped(tokens)).isBetween(1, 999_999);
        assertThat(tokens.finishReason()).contains(FinishReason.CANCELLED);
      }
      FirstTokens reader = new FirstTokens(5);
      generator.publish(new int[] {1}, options).subscribe(reader);
      assertThat(reader.end.join()).isEqualTo(5);
    }
  }

  @Test
  void serveManySessions_moreThanPlaces_allAnsweredAlike() throws Exception {
    List<String> answers = ServeManySessions.run(20);

    assertThat(answers).hasSize(20).doesNotContain("");
    assertThat(ServeManySessions.run(20)).isEqualTo(answers);
  }

  @Test
  void mainMethods_withoutArguments_run() throws Exception {
    SaveAndForkState.main(new String[0]);
    SelectiveScanAlone.main(new String[0]);
    TrainCharacterModel.main(new String[] {folder.toString()});
    StreamText.main(new String[] {folder.toString(), "The lazy "});
    ClassifySequence.main(new String[0]);
    LoadHuggingFace.main(new String[] {folder.toString(), "The lazy "});
    StreamWithCancel.main(new String[0]);
    ServeManySessions.main(new String[0]);
  }
}
