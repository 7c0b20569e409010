package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.data.tokens.CorpusEncoder;
import io.github.mamba4j.data.tokens.TokenFile;
import io.github.mamba4j.data.tokens.TokenWindows;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.train.Evaluation;
import io.github.mamba4j.train.Evaluator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a model on texts. */
@Command(
    name = "evaluate",
    description = {
      "Measures how well a model predicts texts: loss and perplexity a token, bits a byte,",
      "perplexity a word and accuracy. Texts are cut into windows that do not overlap."
    })
final class EvaluateCommand extends SubCommand {
  @Option(
      names = "--model",
      paramLabel = "DIR",
      defaultValue = "output",
      description = "Folder of a model or of a training run (default: ${DEFAULT-VALUE}).")
  private Path model;

  @Option(
      names = {"--file", "--data-dir"},
      paramLabel = "PATH",
      required = true,
      description = "Folder with .txt, .py and .csv files, or one such file.")
  private Path data;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      defaultValue = "text",
      description = "Column of CSV files that holds the text (default: ${DEFAULT-VALUE}).")
  private String textColumn;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "4",
      description = "Windows of a batch (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      defaultValue = "128",
      description = "Tokens of a window (default: ${DEFAULT-VALUE}).")
  private int maxLength;

  @Mixin private DeviceOptions deviceOptions;

  @Override
  int run() throws IOException {
    RunOptions.positive("--batch-size", batchSize);
    RunOptions.positive("--max-length", maxLength);
    ModelFolder folder = ModelFolder.find(model);
    Tokenizer tokenizer = folder.tokenizer();
    Corpus corpus = Corpus.builder(data).csvTextColumn(textColumn).build();
    TextVolume[] volume = {TextVolume.NONE};
    corpus.forEach(document -> volume[0] = volume[0].plus(document));
    Path temporary = Files.createTempDirectory("mamba-evaluate");
    try {
      Path tokens = temporary.resolve("evaluate.tokens");
      CorpusEncoder encoder =
          CorpusEncoder.builder(tokenizer).threads(deviceOptions.hostThreads()).build();
      LanguageStatistics statistics = encoder.encode(corpus, tokens);
      try (TokenFile file = TokenFile.open(tokens);
          Device device = deviceOptions.open();
          MambaModel loaded = folder.load(device)) {
        requireKnown(file, loaded);
        print(Evaluator.evaluate(loaded, windows(file)), volume[0], statistics);
      }
    } finally {
      AtomicFiles.deleteTree(temporary);
    }
    return 0;
  }

  private TokenWindows windows(TokenFile file) throws IOException {
    return TokenWindows.builder(file)
        .batchSize(batchSize)
        .length(maxLength)
        .shuffle(false)
        .keepPartial(true)
        .build();
  }

  private static void requireKnown(TokenFile file, MambaModel model) {
    if (file.vocabSize() > model.config().paddedVocabSize()) {
      throw new BadInputException(
          String.format(
              Locale.ROOT,
              "the tokenizer has %d tokens, the model only %d; they do not belong together",
              file.vocabSize(),
              model.config().paddedVocabSize()));
    }
  }

  private void print(Evaluation evaluation, TextVolume volume, LanguageStatistics statistics) {
    double nats = evaluation.loss() * evaluation.targets();
    out().println(StatisticsTable.of(statistics));
    String row = "%-20s %s%n";
    out().printf(Locale.ROOT, row, "predicted tokens", Text.format("%,d", evaluation.targets()));
    out().printf(Locale.ROOT, row, "loss a token", Text.format("%.4f nats", evaluation.loss()));
    out().printf(Locale.ROOT, row, "perplexity a token", Text.perplexity(evaluation.perplexity()));
    out()
        .printf(
            Locale.ROOT,
            row,
            "bits a byte",
            Text.format("%.4f", nats / Math.log(2) / volume.bytes()));
    out()
        .printf(
            Locale.ROOT,
            row,
            "perplexity a word",
            Text.perplexity(Math.exp(nats / volume.words())));
    out().printf(Locale.ROOT, row, "accuracy", Text.format("%.2f %%", 100 * evaluation.accuracy()));
    out().flush();
  }
}
