package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.data.tokenizer.CharTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Evaluates in each way, and looks at how the numbers hang together. */
class EvaluateCommandTest {
  private static final Path FIXTURES = Path.of("../../mamba-core/src/test/resources/fixtures");
  private static final String TEXT = "the cat sat.\nthe caté sat on\u00a0the mat, ".repeat(5);

  @TempDir private Path folder;
  private Path data;
  private Path tokenizer;

  @BeforeEach
  void writeTexts() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    tokenizer = folder.resolve("chars.json");
    Files.writeString(data.resolve("a.txt"), TEXT);
    Files.writeString(data.resolve("b.txt"), "the end");
    CharTokenizer.train(sink -> sink.accept(TEXT + "the end"), 90, 1).save(tokenizer);
  }

  private CliRun evaluate(String model, String... more) {
    String[] args = new String[5 + more.length];
    args[0] = "evaluate";
    args[1] = "--model=" + FIXTURES.resolve(model);
    args[2] = "--tokenizer=" + tokenizer;
    args[3] = "--data-dir=" + data;
    args[4] = "--threads=1";
    System.arraycopy(more, 0, args, 5, more.length);
    return CliRun.of(args);
  }

  private static String value(CliRun run, String name) {
    assertThat(run.err()).isEmpty();
    assertThat(run.code()).isZero();
    return run.out()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .map(line -> line.substring(name.length()).strip())
        .reduce((a, b) -> a + " and " + b)
        .orElseThrow();
  }

  private static double number(CliRun run, String name) {
    return Double.parseDouble(value(run, name).replaceAll(" .*|,", ""));
  }

  @Test
  void evaluate_perByteAndPerWord_followFromTheLoss() {
    CliRun run = evaluate("mamba1-tiny", "--max-length=16");

    double words = 5 * 9 + 2;
    double bytes = TEXT.length() + 2 * 5 + 7;
    double nats = number(run, "loss a token") * number(run, "predicted tokens");
    assertThat(value(run, "bytes, words")).isEqualTo("%.0f, %.0f", bytes, words);
    assertThat(number(run, "bits a byte")).isCloseTo(nats / Math.log(2) / bytes, within(1e-3));
    assertThat(Math.log(number(run, "perplexity a byte"))).isCloseTo(nats / bytes, within(1e-3));
    assertThat(Math.log(number(run, "perplexity a word"))).isCloseTo(nats / words, within(1e-2));
    assertThat(value(run, "measured")).isEqualTo("windows of 16 tokens");
  }

  @Test
  void evaluate_stream_equalsOneWindowOverASingleText() throws IOException {
    Files.delete(data.resolve("b.txt"));
    for (String model : new String[] {"mamba1-tiny", "mamba2-one-group"}) {
      CliRun stream = evaluate(model, "--stream");
      CliRun window = evaluate(model, "--max-length=200", "--batch-size=1");

      assertThat(value(stream, "measured")).isEqualTo("each text whole, with a carried state");
      assertThat(value(stream, "predicted tokens")).isEqualTo(value(window, "predicted tokens"));
      assertThat(number(stream, "loss a token"))
          .isCloseTo(number(window, "loss a token"), within(2e-4));
      CliRun cut = evaluate(model, "--max-length=4");
      assertThat(number(cut, "loss a token")).isNotEqualTo(number(window, "loss a token"));
    }
  }

  @Test
  void evaluate_strideOfOne_givesEachTokenTheWindowBeforeIt() throws IOException {
    Files.delete(data.resolve("b.txt"));

    CliRun overlapping =
        evaluate("mamba1-tiny", "--max-length=200", "--stride=1", "--batch-size=1");
    CliRun whole = evaluate("mamba1-tiny", "--stream");
    CliRun shortWindows = evaluate("mamba1-tiny", "--max-length=8", "--stride=3");

    // a window longer than the text is the whole text
    assertThat(value(overlapping, "loss a token")).isEqualTo(value(whole, "loss a token"));
    assertThat(value(shortWindows, "predicted tokens")).isEqualTo(value(whole, "predicted tokens"));
    assertThat(value(shortWindows, "measured"))
        .isEqualTo("windows of 8 tokens, the last 3 counted");
  }

  @Test
  void evaluate_fileOfAnotherName_isReadAsText() throws IOException {
    Path raw = Files.copy(data.resolve("a.txt"), folder.resolve("wiki.test.raw"));
    Files.delete(data.resolve("b.txt"));

    CliRun named =
        CliRun.of(
            "evaluate",
            "--model=" + FIXTURES.resolve("mamba1-tiny"),
            "--tokenizer=" + tokenizer,
            "--file=" + raw);

    assertThat(value(named, "loss a token"))
        .isEqualTo(value(evaluate("mamba1-tiny"), "loss a token"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --stream --max-length=8    | --stream reads texts whole
          --stream --stride=8        | are for windows
          --max-length=8 --stride=9  | --stride must be at most --max-length = 8, got 9
          --stride=0                 | --stride must be positive, got 0
          --tokenizer=nowhere.json   | --tokenizer nowhere.json: no such file
          --model=nowhere            | --model nowhere: no such file or folder
          """)
  void evaluate_badOptions_areRefusedInOneLine(String options, String fragment) {
    String line =
        "evaluate --model=" + FIXTURES.resolve("mamba1-tiny") + " --file=" + data + " " + options;
    String[] args = line.split(" ", -1);
    // the later of two --model counts
    if (options.startsWith("--model")) {
      args[1] = options;
      args[3] = "--threads=1";
    }

    CliRun run = CliRun.of(args);

    assertThat(run.code()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains(fragment);
  }

  @Test
  void evaluate_nothingToPredict_isRefused() throws IOException {
    Path one = Files.writeString(folder.resolve("one.txt"), "t");
    Path withoutEnd =
        Files.writeString(
            folder.resolve("t.json"),
            """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
             "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "vocab": {"t": 0}, "merges": []}}
            """);
    CliRun run =
        CliRun.of(
            "evaluate",
            "--stream",
            "--model=" + FIXTURES.resolve("mamba1-tiny"),
            "--tokenizer=" + withoutEnd,
            "--file=" + one);
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains("no text has a second token");
  }
}
