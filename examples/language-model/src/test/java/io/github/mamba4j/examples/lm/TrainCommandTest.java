package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Trains tiny models as a user does. */
class TrainCommandTest {
  @TempDir private Path folder;
  private Path data;
  private Path output;

  @BeforeEach
  void writeTexts() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    output = folder.resolve("out");
    for (int i = 0; i < 8; i++) {
      Files.writeString(data.resolve(i + ".txt"), "The cat " + i + " sat on the mat. ");
    }
    Files.writeString(data.resolve("ja.txt"), "吾輩は猫である。名前はまだ無い。");
    Files.writeString(data.resolve("code.py"), "for i in range(10):\n    print(i)\n");
    Files.writeString(data.resolve("rows.csv"), "id,text\n1,\"a, b\"\n2,second row\n");
  }

  private CliRun train(String... more) {
    String[] args =
        Stream.concat(Stream.of("--data-dir=" + data, "--output-dir=" + output), Stream.of(more))
            .toArray(String[]::new);
    return CliRun.train(args);
  }

  @Test
  void train_smallCorpus_showsAndWritesEverything() throws IOException {
    CliRun run = train("--epochs=2", "--learning-rate=0.01", "--test-text=The cat");

    assertThat(run.err()).isEmpty();
    assertThat(run.code()).isZero();
    assertThat(run.out())
        .contains("device     CPU", "kernels", "1 thread")
        .contains("Japanese", "English", "Python")
        .contains("parameters", "epoch 1/2  step 1/", "tok/s  ETA")
        .contains("epoch 2/2  validation  loss", "accuracy", "sample     The cat");
    JsonNode results = JsonMapper.shared().readTree(output.resolve("results.json").toFile());
    long steps = results.at("/final/steps").asLong();
    assertThat(results.get("status").asString()).isEqualTo("completed");
    assertThat(results.at("/configuration/--d-model").asString()).isEqualTo("8");
    assertThat(results.get("seed").asLong()).isZero();
    assertThat(results.at("/data/train_tokens_sha256").asString()).hasSize(64);
    assertThat(results.at("/data/files").size()).isEqualTo(11);
    assertThat(results.at("/environment/java").asString()).startsWith("25");
    assertThat(results.get("steps").size()).isEqualTo((int) steps).isGreaterThan(10);
    assertThat(results.get("epochs").size()).isEqualTo(2);
    assertThat(results.at("/final/validation/perplexity").asDouble()).isBetween(1.0, 300.0);
    List<MetricRow> rows = MetricsCsv.read(output.resolve("metrics.csv"));
    assertThat(rows).hasSize((int) steps + 4);
    BufferedImage picture = ImageIO.read(output.resolve("training_curves.png").toFile());
    assertThat(picture.getWidth()).isEqualTo(900);
    for (String checkpoint : List.of("best", "last")) {
      assertThat(output.resolve(checkpoint)).isDirectoryContaining("glob:**/model.safetensors");
      assertThat(output.resolve(checkpoint)).isDirectoryContaining("glob:**/tokenizer.json");
    }
    assertThat(folder).isDirectoryNotContaining("glob:**/.mamba*");
  }

  @Test
  void train_resumed_equalsTheUninterruptedRun() throws IOException {
    assertThat(train("--max-steps=7").code()).isZero();
    Path whole = folder.resolve("whole");
    Files.move(output, whole);

    assertThat(train("--max-steps=3").code()).isZero();
    CliRun resumed = CliRun.of("train", "--resume=" + output, "--max-steps=7", "--threads=2");

    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
    assertThat(resumed.out()).contains("resumed", "at step 3");
    assertThat(output.resolve("last/model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("last/model.safetensors"));
    assertThat(output.resolve("last/optimizer.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("last/optimizer.safetensors"));
    assertThat(losses(output)).isEqualTo(losses(whole)).hasSize(7);
  }

  private static List<Double> losses(Path run) throws IOException {
    return MetricsCsv.read(run.resolve("metrics.csv")).stream()
        .filter(row -> row.kind() == MetricRow.Kind.STEP)
        .map(MetricRow::loss)
        .toList();
  }

  @Test
  void train_resumedWithOtherData_isRefused() throws IOException {
    assertThat(train("--max-steps=2").code()).isZero();
    Files.writeString(data.resolve("0.txt"), "Another text altogether, and a longer one too.");

    CliRun resumed = CliRun.of("train", "--resume=" + output, "--max-steps=4");

    assertThat(resumed.code()).isEqualTo(2);
    assertThat(resumed.errLines()).singleElement().asString().contains("cannot resume");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--tokenizer=char", "--seed=3", "--learning-rate=1", "--d-model=16"})
  void train_resumedWithContradiction_isRefused(String option) {
    assertThat(train("--max-steps=2").code()).isZero();

    CliRun resumed = CliRun.of("train", "--resume=" + output, "--max-steps=4", option);

    assertThat(resumed.code()).isEqualTo(2);
    assertThat(resumed.errLines()).hasSize(1);
  }

  @Test
  void train_folderWithARun_isRefusedUnlessForced() throws IOException {
    assertThat(train("--max-steps=1").code()).isZero();

    CliRun again = train("--max-steps=2");

    assertThat(again.code()).isEqualTo(2);
    assertThat(again.errLines()).singleElement().asString().contains("--resume", "--force");
    assertThat(losses(output)).hasSize(1);
    assertThat(train("--max-steps=2", "--force").code()).isZero();
    assertThat(losses(output)).hasSize(2);
  }

  @Test
  void train_separateValidationFile_isMeasuredOn() throws IOException {
    Path validation = Files.writeString(folder.resolve("valid.txt"), "The dog sat on the mat.");

    CliRun run =
        train(
            "--validation-file=" + validation,
            "--max-steps=4",
            "--validate-every=2",
            "--schedule=cosine",
            "--warmup=2");

    assertThat(run.code()).isZero();
    JsonNode results = JsonMapper.shared().readTree(output.resolve("results.json").toFile());
    assertThat(results.at("/data/validation/texts").asLong()).isEqualTo(1);
    assertThat(results.get("validations").size()).isEqualTo(2);
    assertThat(results.at("/steps/0/learning_rate").asDouble()).isEqualTo(5e-5);
  }

  @Test
  void train_singleText_trainsWithoutValidation() throws IOException {
    Path one = Files.writeString(folder.resolve("one.txt"), "A single text. ".repeat(20));

    CliRun run = CliRun.train("--data-dir=" + one, "--output-dir=" + output, "--max-steps=2");

    assertThat(run.code()).isZero();
    assertThat(run.out()).contains("nothing to measure on");
    assertThat(output.resolve("last")).isDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"char", "bpe"})
  void train_otherTokenizer_trainsAndGenerates(String tokenizer) {
    CliRun run = train("--tokenizer=" + tokenizer, "--vocab-size=280", "--max-steps=2");

    assertThat(run.code()).isZero();
    CliRun generated =
        CliRun.of("generate", "--model=" + output, "--prompt=猫", "--max-new-tokens=5");
    assertThat(generated.err()).isEmpty();
    assertThat(generated.code()).isZero();
    assertThat(generated.out()).startsWith("猫");
    assertThat(CliRun.of("info", "--model=" + output).out()).contains("tokenizer " + tokenizer);
  }

  @Test
  void evaluateAndInfo_trainedModel_report() {
    assertThat(train("--max-steps=3").code()).isZero();

    CliRun evaluated = CliRun.of("evaluate", "--model=" + output, "--data-dir=" + data);
    CliRun info = CliRun.of("info", "--model=" + output.resolve("last"));

    assertThat(evaluated.code()).isZero();
    assertThat(evaluated.out())
        .contains("loss a token", "perplexity a token", "bits a byte", "perplexity a word");
    assertThat(info.code()).isZero();
    assertThat(info.out()).contains("Mamba-1", "tokenizer byte, 257 tokens", "--learning-rate");
  }

  @Test
  void generate_sameSeed_givesTheSameTextUpToTheStop() {
    assertThat(train("--max-steps=2").code()).isZero();
    String[] args = {"generate", "--model=" + output, "--prompt=The", "--seed=5", "--no-echo"};

    CliRun first = CliRun.of(args);

    assertThat(first.code()).isZero();
    assertThat(CliRun.of(args).out()).isEqualTo(first.out());
    String stop = first.out().substring(10, 12);
    CliRun stopped = CliRun.of(append(args, "--stop=" + stop));
    assertThat(first.out()).startsWith(stopped.out().strip());
    assertThat(stopped.out()).hasSizeLessThan(first.out().length());
    assertThat(CliRun.of(append(args, "--verbose")).err()).contains("tokens in");
  }

  private static String[] append(String[] args, String more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray(String[]::new);
  }
}
