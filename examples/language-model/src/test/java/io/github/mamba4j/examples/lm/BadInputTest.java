package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bad options and bad texts: exit code 2, one line that says what to do, nothing written. */
class BadInputTest {
  @TempDir private Path folder;
  private Path data;
  private Path output;

  @BeforeEach
  void writeTexts() throws IOException {
    data = Files.createDirectory(folder.resolve("data"));
    output = folder.resolve("out");
  }

  private void refused(List<String> options, String... fragments) throws IOException {
    List<Path> before = files();
    String[] args =
        Stream.concat(Stream.of("--data-dir=" + data, "--output-dir=" + output), options.stream())
            .toArray(String[]::new);

    CliRun run = CliRun.train(args);

    assertThat(run.code()).as(run.err()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains(fragments);
    assertThat(run.err()).startsWith("mamba train: ");
    assertThat(files()).isEqualTo(before);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.sorted().toList();
    }
  }

  private void writeGoodText() throws IOException {
    Files.writeString(data.resolve("a.txt"), "Some text to train on. ".repeat(20));
  }

  @Test
  void data_missingFolder_isRefused() throws IOException {
    Files.delete(data);
    refused(List.of(), data.toString(), "no such file or folder");
  }

  @Test
  void data_emptyFolder_isRefused() throws IOException {
    refused(List.of(), data.toString(), "empty");
  }

  @Test
  void data_filesWithoutText_isRefused() throws IOException {
    Files.writeString(data.resolve("a.txt"), " \n");
    refused(List.of(), data.toString(), "empty");
  }

  @Test
  void data_shorterThanAWindow_isRefused() throws IOException {
    Files.writeString(data.resolve("a.txt"), "Hi");
    refused(List.of(), "too few for one window", "more text");
  }

  @Test
  void data_notUtf8_isRefusedWithItsPlace() throws IOException {
    Files.write(data.resolve("a.txt"), new byte[] {'a', 'b', (byte) 0x82, (byte) 0xa0});
    refused(List.of(), "a.txt", "2", "UTF-8");
  }

  @Test
  void data_brokenCsvRow_isRefusedWithItsLine() throws IOException {
    Files.writeString(data.resolve("a.csv"), "id,text\n1,good\n2,too,many\n");
    refused(List.of(), "a.csv", "3");
  }

  @Test
  void data_missingCsvColumn_isRefused() throws IOException {
    Files.writeString(data.resolve("a.csv"), "id,body\n1,good\n");
    refused(List.of("--text-column=text"), "a.csv", "text", "body");
  }

  @Test
  void data_unreadableFile_isRefused() throws IOException {
    writeGoodText();
    Files.createSymbolicLink(data.resolve("b.txt"), folder.resolve("nowhere.txt"));
    refused(List.of(), "b.txt");
  }

  @Test
  void validationData_missing_isRefused() throws IOException {
    writeGoodText();
    refused(List.of("--validation-data=" + folder.resolve("no")), "no such file or folder");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --epochs=0               | --epochs must be positive
          --epochs=many            | --epochs
          --batch-size=0           | --batch-size must be positive
          --max-length=-1          | --max-length must be positive
          --max-steps=0            | --max-steps must be positive
          --checkpoint-every=0     | --checkpoint-every must be positive
          --validate-every=0       | --validate-every must be positive
          --patience=0             | --patience must be positive
          --d-model=0              | dModel must be positive
          --n-layers=-2            | nLayers must be positive
          --d-state=0              | dState must be positive
          --learning-rate=0        | learningRate must be positive
          --learning-rate=fast     | --learning-rate
          --schedule=sine          | --schedule
          --warmup=-1              | warmupSteps must not be negative
          --final-rate=2           | finalFraction must be in [0, 1]
          --weight-decay=-1        | weightDecay must be not negative
          --clip=0                 | --clip must be positive
          --grad-accumulation=0    | --grad-accumulation must be positive
          --grad-accumulation=9999 | accumulation is 9999
          --validation-split=1     | --validation-split must be in [0, 1)
          --tokenizer=words        | --tokenizer
          --vocab-size=100         | byte tokenizer
          --device=abacus          | there is no device 'abacus'
          --device=cuda            | --device cuda:
          --threads=0              | --threads must be positive
          --resume=nowhere         | holds no checkpoint
          --no-such-option         | --no-such-option
          """)
  void option_badValue_isRefused(String option, String fragment) throws IOException {
    writeGoodText();
    refused(List.of(option), fragment);
  }

  @Test
  void option_vocabSizeTooSmallForBpe_isRefused() throws IOException {
    writeGoodText();
    refused(List.of("--tokenizer=bpe", "--vocab-size=100"), "at least 257");
  }

  @Test
  void outputDir_belowAFile_isRefused() throws IOException {
    writeGoodText();
    refused(List.of("--output-dir=" + data.resolve("a.txt/out")), "is a file");
  }

  @Test
  void resume_folderWithoutCheckpoint_isRefused() throws IOException {
    writeGoodText();
    refused(List.of("--resume=" + data), "holds no checkpoint");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          generate | --model=nowhere          | no such file or folder
          generate | --temperature=-1         | temperature must be positive
          generate | --top-p=0                | topP must be in (0, 1]
          generate | --max-new-tokens=0       | maxNewTokens must be positive
          generate | --prompt-file=nowhere    | cannot be read
          evaluate | --model=nowhere          | --data-dir
          info     | --model=nowhere          | no such file or folder
          verify   | --model=nowhere          | --expected
          """)
  void otherCommands_badOption_areRefused(String command, String option, String fragment) {
    CliRun run = CliRun.of(command, option);

    assertThat(run.code()).isEqualTo(2);
    assertThat(run.errLines()).singleElement().asString().contains(fragment);
  }

  @Test
  void verbose_badInput_showsTheStackTraceToo() {
    CliRun run = CliRun.of("info", "--model=" + data, "--verbose");

    assertThat(run.code()).isEqualTo(2);
    assertThat(run.err()).contains("holds no model", "\tat io.github.mamba4j");
  }
}
