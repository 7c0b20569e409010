package io.github.mamba4j.examples.lm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.corpus.DocumentSplit;
import io.github.mamba4j.data.corpus.Language;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The texts that the program brings along. */
class CreateSampleCommandTest {
  @TempDir private Path folder;

  private CliRun create(String... more) {
    return CliRun.of(
        Stream.concat(
                Stream.of("create-sample", "--data-dir=" + folder.resolve("sample")),
                Stream.of(more))
            .toArray(String[]::new));
  }

  @Test
  void createSample_emptyFolder_writesEveryResource() throws IOException {
    assertThat(create().code()).isZero();

    Path resources = Path.of("src/main/resources/io/github/mamba4j/examples/lm/sample_data");
    List<String> names;
    try (Stream<Path> all = Files.walk(resources)) {
      names =
          all.filter(Files::isRegularFile)
              .map(file -> resources.relativize(file).toString().replace('\\', '/'))
              .sorted()
              .toList();
    }
    assertThat(CreateSampleCommand.names()).isEqualTo(names);
    long bytes = 0;
    for (String name : names) {
      Path written = folder.resolve("sample").resolve(name);
      assertThat(written).hasSameBinaryContentAs(resources.resolve(name));
      bytes += Files.size(written);
    }
    assertThat(bytes).isGreaterThan(100_000);
  }

  @ParameterizedTest
  @EnumSource(
      value = Language.class,
      names = {"JAPANESE", "ENGLISH", "PYTHON"})
  void createSample_defaultSplit_hasEveryLanguageOnBothSides(Language language) throws IOException {
    assertThat(create().code()).isZero();
    Corpus corpus = Corpus.builder(folder.resolve("sample")).build();
    DocumentSplit split = DocumentSplit.of(0.1, 0);
    LanguageStatistics train = new LanguageStatistics();
    LanguageStatistics validation = new LanguageStatistics();
    corpus.forEach(
        document -> (split.isValidation(document) ? validation : train).add(document, 0));

    assertThat(train.of(language).characters()).isGreaterThan(10_000);
    assertThat(validation.of(language).characters()).isGreaterThan(1_000);
  }

  @Test
  void createSample_folderWithFiles_isRefusedUnlessForced() throws IOException {
    Path own = Files.createDirectory(folder.resolve("sample")).resolve("own.txt");
    Files.writeString(own, "mine");

    CliRun refused = create();

    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.errLines()).singleElement().asString().contains("--force");
    assertThat(folder.resolve("sample/requests.csv")).doesNotExist();
    assertThat(create("--force").code()).isZero();
    assertThat(folder.resolve("sample/requests.csv")).exists();
    assertThat(own).hasContent("mine");
  }
}
