package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.corpus.Corpus;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which texts to read. */
final class CorpusOptions {
  @Option(
      names = {"--data-dir", "--train-file"},
      paramLabel = "PATH",
      defaultValue = "sample_data",
      description = {
        "Folder with .txt, .py and .csv files, or one such file (default: ${DEFAULT-VALUE};",
        "'mamba create-sample' makes it)."
      })
  private Path data;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      defaultValue = "text",
      description = "Column of CSV files that holds the text (default: ${DEFAULT-VALUE}).")
  private String textColumn;

  @Option(
      names = "--split-at-blank-lines",
      description = "Make each paragraph of a .txt file a document of its own.")
  private boolean splitAtBlankLines;

  Path data() {
    return data;
  }

  Corpus open() throws IOException {
    return open(data);
  }

  Corpus open(Path root) throws IOException {
    return Corpus.builder(root)
        .csvTextColumn(textColumn)
        .splitAtBlankLines(splitAtBlankLines)
        .build();
  }
}
