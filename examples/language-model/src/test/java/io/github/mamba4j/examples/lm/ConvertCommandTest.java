package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.data.tokenizer.BpeTrainer;
import io.github.mamba4j.data.tokenizer.ByteTokenizer;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Converts between all formats and verifies with a reference implementation's numbers. */
class ConvertCommandTest {
  private static final Path FIXTURES = Path.of("../../mamba-core/src/test/resources/fixtures");

  @TempDir private Path temp;

  private static CliRun convert(Path from, Path to, String format, String... more) {
    String[] args = new String[4 + more.length];
    args[0] = "convert";
    args[1] = "--model=" + from;
    args[2] = "--output=" + to;
    args[3] = "--to=" + format;
    System.arraycopy(more, 0, args, 4, more.length);
    return CliRun.of(args);
  }

  private static void assertVerifies(String fixture, Path model, String tolerance) {
    Path expected = FIXTURES.resolve(fixture).resolve("expected.safetensors");
    CliRun run =
        CliRun.of(
            "verify",
            "--model=" + model,
            "--expected=" + expected,
            "--tolerance=" + tolerance,
            "--grad-tolerance=" + tolerance);
    assertThat(run.out() + run.err()).contains("tensors agree");
  }

  @Test
  void convert_throughEveryFormatAndBack_keepsTheNumbers() {
    for (String fixture : new String[] {"mamba1-tiny", "mamba2-one-group"}) {
      Path original = temp.resolve(fixture + "-original");
      Path gguf = temp.resolve(fixture + ".gguf");
      Path back = temp.resolve(fixture + "-back");
      assertThat(convert(FIXTURES.resolve(fixture), original, "original").code()).isZero();
      assertThat(original.resolve("pytorch_model.bin")).exists();
      assertThat(convert(original, gguf, "gguf").code()).isZero();
      assertThat(convert(gguf, back, "huggingface").code()).isZero();
      assertVerifies(fixture, original, "1e-4");
      assertVerifies(fixture, gguf, "1e-4");
      assertVerifies(fixture, back, "1e-4");
    }
  }

  @Test
  void convert_bpeTokenizer_goesIntoTheGgufAndOut() throws IOException {
    String text = "the cat sat on the mat, the cat ate the rat; 東京の空 ".repeat(20);
    Path folder = temp.resolve("model");
    assertThat(convert(FIXTURES.resolve("mamba2-one-group"), folder, "huggingface").code())
        .isZero();
    Path source = temp.resolve("long.json");
    Tokenizer trained =
        BpeTrainer.builder().vocabSize(270).build().train(sink -> sink.accept(text));
    trained.save(source);
    Files.copy(source, folder.resolve("tokenizer.json"));
    CliRun tooLarge = convert(folder, temp.resolve("m.gguf"), "gguf");
    assertThat(tooLarge.code()).isEqualTo(2);
    assertThat(tooLarge.errLines())
        .singleElement()
        .asString()
        .contains("the tokenizer has")
        .contains("embedding only 97 rows");
    assertThat(temp.resolve("m.gguf")).doesNotExist();
  }

  @Test
  void convert_byteTokenizer_isRefusedByGgufInWords() throws IOException {
    Path folder = temp.resolve("model");
    assertThat(convert(FIXTURES.resolve("mamba1-tiny"), folder, "huggingface").code()).isZero();
    new ByteTokenizer().save(folder.resolve("tokenizer.json"));

    CliRun run = convert(folder, temp.resolve("m.gguf"), "gguf");

    assertThat(run.code()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains("only byte-level BPE");
    Path original = temp.resolve("original");
    assertThat(convert(folder, original, "original").code()).isZero();
    assertThat(original.resolve("tokenizer.json")).exists();
  }

  @Test
  void convert_existingOutputOrWrongType_isRefusedAndLeftAlone() throws IOException {
    Path file = Files.writeString(temp.resolve("m.gguf"), "mine");

    CliRun there = convert(FIXTURES.resolve("mamba1-tiny"), file, "gguf");
    CliRun wrong =
        convert(FIXTURES.resolve("mamba1-tiny"), temp.resolve("x"), "original", "--weights=q8_0");

    assertThat(there.code()).isEqualTo(2);
    assertThat(there.errLines()).singleElement().asString().contains("is there already");
    assertThat(file).hasContent("mine");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.errLines()).singleElement().asString().contains("weights cannot be Q8_0");
    assertThat(temp.resolve("x")).doesNotExist();
  }

  @Test
  void convert_eightBits_shrinksTheFile() throws IOException {
    Path full = temp.resolve("f32.gguf");
    Path small = temp.resolve("q8.gguf");
    Path model = FIXTURES.resolve("mamba1-untied-bias");
    CliRun bias = convert(model, full, "gguf");
    assertThat(bias.code()).isEqualTo(2);
    assertThat(bias.errLines()).singleElement().asString().contains("cannot express biases");
    Path two = FIXTURES.resolve("mamba2-one-group");
    assertThat(convert(two, full, "gguf").code()).isZero();
    assertThat(convert(two, small, "gguf", "--weights=q8_0").code()).isZero();
    assertThat(Files.size(small)).isLessThan(Files.size(full));
    assertThat(CliRun.of("info", "--model=" + small).out()).contains("Mamba-2: 3 layers");
  }
}
