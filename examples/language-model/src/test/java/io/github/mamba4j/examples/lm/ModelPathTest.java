package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.data.tokenizer.BpeTrainer;
import io.github.mamba4j.data.tokenizer.CharTokenizer;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.SaveOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user may name as a model and as its tokenizer, in every command that takes them. */
class ModelPathTest {
  private static final Path FIXTURES = Path.of("../../mamba-core/src/test/resources/fixtures");
  private static final Path TINY = FIXTURES.resolve("mamba1-tiny");
  private static final String TEXT = "the cat sat on the mat, the cat ate the rat; ".repeat(20);

  @TempDir private Path folder;
  private Path text;
  private Path chars;

  @BeforeEach
  void writeTexts() throws IOException {
    text = Files.writeString(folder.resolve("text.txt"), TEXT);
    chars = folder.resolve("chars.json");
    CharTokenizer.train(sink -> sink.accept(TEXT), 90, 1).save(chars);
  }

  private void assertWorks(Path model, String... more) {
    String named = "--model=" + model;
    CliRun generated =
        CliRun.of(with(more, "generate", named, "--prompt=the cat", "--max-new-tokens=3"));
    CliRun evaluated = CliRun.of(with(more, "evaluate", named, "--file=" + text));
    CliRun info = CliRun.of(with(more, "info", named));
    assertThat(generated.err() + evaluated.err() + info.err()).isEmpty();
    assertThat(generated.out()).startsWith("the cat");
    assertThat(evaluated.out()).contains("perplexity a word");
    assertThat(info.out()).contains("Mamba-").doesNotContain("tokenizer none");
  }

  private static String[] with(String[] more, String... args) {
    String[] all = Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return all;
  }

  private static void refused(String fragment, String... args) {
    CliRun run = CliRun.of(args);
    assertThat(run.code()).as(run.err()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains(fragment);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mamba1-tiny", "mamba2-tiny"})
  void namedTokenizer_everyLayout_works(String fixture) throws IOException {
    Path original = FIXTURES.resolve(fixture + "-statespaces");
    Path gguf = folder.resolve("m.gguf");
    CliRun converted = CliRun.of("convert", "--model=" + original, "--to=gguf", "--output=" + gguf);
    assertThat(converted.out()).contains("tokenizer none");
    String tokenizer = "--tokenizer=" + chars;
    assertWorks(FIXTURES.resolve(fixture), tokenizer);
    assertWorks(FIXTURES.resolve(fixture).resolve("model.safetensors"), tokenizer);
    assertWorks(original, tokenizer);
    assertWorks(original.resolve("pytorch_model.bin"), tokenizer);
    assertWorks(gguf, tokenizer);
  }

  @Test
  void gguf_withItsTokenizer_needsNothingElse() throws IOException {
    Path model = folder.resolve("model");
    try (MambaModel made =
        MambaModel.builder().vocabSize(300).dModel(8).nLayers(1).dState(2).build()) {
      made.save(model);
      made.save(folder.resolve("alone.gguf"), SaveOptions.gguf());
    }
    Path bpe = folder.resolve("bpe.json");
    BpeTrainer.builder().vocabSize(290).build().train(sink -> sink.accept(TEXT)).save(bpe);
    Path download = Files.createDirectory(folder.resolve("download"));
    Path gguf = download.resolve("m.gguf");

    CliRun converted =
        CliRun.of(
            "convert", "--model=" + model, "--tokenizer=" + bpe, "--to=gguf", "--output=" + gguf);

    assertThat(converted.code()).as(converted.err()).isZero();
    assertWorks(gguf);
    assertWorks(download);
    assertWorks(model, "--tokenizer=" + gguf);
    assertWorks(folder.resolve("alone.gguf"), "--tokenizer=" + bpe);
    refused(
        "has no tokenizer",
        "generate",
        "--model=" + model,
        "--tokenizer=" + folder.resolve("alone.gguf"));
    Files.copy(gguf, download.resolve("n.gguf"));
    refused("holds 2 .gguf files; name one of them", "info", "--model=" + download);
  }

  @Test
  void tokenizer_missing_isNamedWithTheRemedy() throws IOException {
    refused("or name one with --tokenizer", "generate", "--model=" + TINY, "--prompt=a");
    refused(
        "or name one with --tokenizer",
        "evaluate",
        "--model=" + FIXTURES.resolve("mamba1-tiny-statespaces"),
        "--file=" + text);
    refused("has no tokenizer.json", "generate", "--model=" + TINY, "--tokenizer=" + TINY);
    Path broken = Files.writeString(folder.resolve("broken.json"), "{\"a\": 1}");
    refused("broken.json", "generate", "--model=" + TINY, "--tokenizer=" + broken);
    refused("text.txt", "generate", "--model=" + TINY, "--tokenizer=" + text);
  }

  @Test
  void model_thatIsNone_isRefusedByWhatItIs() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty.gguf"));
    Path cut =
        Files.write(
            folder.resolve("cut.safetensors"),
            Arrays.copyOf(Files.readAllBytes(TINY.resolve("model.safetensors")), 999));
    refused("is of no known format", "info", "--model=" + text);
    refused("is of no known format", "info", "--model=" + empty);
    refused("cut.safetensors", "info", "--model=" + cut);
    refused("holds no model", "info", "--model=" + Files.createDirectory(folder.resolve("none")));
    Path noWeights = Files.createDirectory(folder.resolve("no-weights"));
    Files.copy(TINY.resolve("config.json"), noWeights.resolve("config.json"));
    refused("holds no checkpoint", "info", "--model=" + noWeights);
  }

  @Test
  void expected_missingOrFolder_isRefusedBeforeTheModelIsRead() {
    refused("no such file", "verify", "--model=nowhere", "--expected=" + folder.resolve("no"));
    refused("is a folder, expected a file", "verify", "--model=" + TINY, "--expected=" + folder);
  }

  @Test
  void convert_outputThatCannotBe_isRefused() {
    refused(
        "is a file",
        "convert",
        "--model=" + TINY,
        "--to=gguf",
        "--output=" + text.resolve("m.gguf"));
    refused(
        "is a file",
        "convert",
        "--model=" + TINY,
        "--to=original",
        "--output=" + text.resolve("m"));
    refused("is there already", "convert", "--model=" + TINY, "--to=gguf", "--output=" + folder);
  }
}
