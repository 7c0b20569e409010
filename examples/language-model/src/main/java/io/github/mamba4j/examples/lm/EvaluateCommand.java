package io.github.mamba4j.examples.lm;

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
import io.github.mamba4j.train.StreamEvaluator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a model on texts. */
@Command(
    name = "evaluate",
    description = {
      "Measures how well a model predicts texts: loss, perplexity a token, a byte and a word, bits",
      "a byte, accuracy. Counted is every token but the first (of each text with --stream), and"
          + " the",
      "token after a text; bytes are those of UTF-8, words what white space separates. Texts are",
      "cut into windows, which overlap with --stride, or read whole with --stream."
    },
    sortOptions = false)
final class EvaluateCommand extends SubCommand {
  private static final int DEFAULT_BATCH = 4;
  private static final int DEFAULT_LENGTH = 128;
  private static final int PIECE = 512;

  /** Longer texts than in training stay whole, as each is one sequence. */
  private static final int LONGEST_STREAM = 1 << 26;

  @Option(
      names = "--model",
      paramLabel = "PATH",
      defaultValue = "output",
      description =
          "Folder of a model or of a training run, or a GGUF file (default: ${DEFAULT-VALUE}).")
  private Path model;

  @Mixin private TokenizerFileOption tokenizerFile;

  @Option(
      names = {"--file", "--data-dir"},
      paramLabel = "PATH",
      required = true,
      description =
          "Folder with .txt, .py and .csv files, or one file; of another name it is read as text.")
  private Path data;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      defaultValue = "text",
      description = "Column of CSV files that holds the text (default: ${DEFAULT-VALUE}).")
  private String textColumn;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Tokens of a window (default: " + DEFAULT_LENGTH + ").")
  private @Nullable Integer maxLength;

  @Option(
      names = "--stride",
      paramLabel = "N",
      description =
          "Tokens between the beginnings of windows (default: --max-length). With fewer, windows"
              + " overlap; all tokens of the first count and only the last N of each other.")
  private @Nullable Integer stride;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description = "Windows of a batch (default: " + DEFAULT_BATCH + ").")
  private @Nullable Integer batchSize;

  @Option(
      names = "--stream",
      description =
          "Read each text as one sequence with a carried state, in constant memory; texts of more"
              + " than 67 million characters are cut.")
  private boolean stream;

  @Mixin private DeviceOptions deviceOptions;

  @Override
  int run() throws IOException {
    check();
    ModelFolder folder = ModelFolder.find(model);
    Tokenizer tokenizer = tokenizerFile.of(folder);
    Corpus.Builder texts = Corpus.builder(data).csvTextColumn(textColumn);
    Corpus corpus = (stream ? texts.maxDocumentChars(LONGEST_STREAM) : texts).build();
    try (StagingFolder staging = StagingFolder.temporary()) {
      TextVolume[] volume = {TextVolume.NONE};
      corpus.forEach(document -> volume[0] = volume[0].plus(document));
      Path tokens = staging.path().resolve("evaluate.tokens");
      CorpusEncoder encoder =
          CorpusEncoder.builder(tokenizer).threads(deviceOptions.hostThreads()).build();
      LanguageStatistics statistics = encoder.encode(corpus, tokens);
      try (TokenFile file = TokenFile.open(tokens);
          Device device = deviceOptions.open();
          MambaModel loaded = folder.load(device)) {
        requireKnown(file, loaded);
        return measure(file, loaded, volume[0], statistics);
      }
    }
  }

  private void check() {
    if (stream && (maxLength != null || stride != null || batchSize != null)) {
      throw new BadInputException(
          "--stream reads texts whole; --max-length, --stride and --batch-size are for windows");
    }
    RunOptions.positive("--batch-size", batch());
    RunOptions.positive("--max-length", length());
    RunOptions.positive("--stride", step());
    if (step() > length()) {
      throw new BadInputException(
          "--stride must be at most --max-length = " + length() + ", got " + step());
    }
  }

  private int batch() {
    return batchSize == null ? DEFAULT_BATCH : batchSize;
  }

  private int length() {
    return maxLength == null ? DEFAULT_LENGTH : maxLength;
  }

  private int step() {
    return stride == null ? length() : stride;
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

  private int measure(
      TokenFile file, MambaModel loaded, TextVolume volume, LanguageStatistics statistics)
      throws IOException {
    long total = file.tokenCount() - (stream ? file.documentCount() : 1);
    if (total <= 0) {
      throw new BadInputException(
          data + ": no text has a second token, so there is none to predict");
    }
    try (StopSignal signal = new StopSignal()) {
      Evaluation evaluation;
      try (EvaluationProgress progress = new EvaluationProgress(err(), total)) {
        signal.install(progress::requestStop);
        out().println(StatisticsTable.of(statistics));
        row("measured", way());
        out().flush();
        evaluation = stream ? streamed(loaded, file, progress) : windowed(loaded, file, progress);
      }
      if (evaluation.targets() < total) {
        row("stopped", Text.format("after %,d of %,d tokens", evaluation.targets(), total));
        printPerToken(evaluation);
        return ErrorReport.INTERRUPTED;
      }
      print(evaluation, volume);
      return 0;
    }
  }

  private Evaluation windowed(MambaModel loaded, TokenFile file, Predicate<Evaluation> goOn)
      throws IOException {
    TokenWindows windows =
        TokenWindows.builder(file)
            .batchSize(batch())
            .length(length())
            .stride(step())
            .shuffle(false)
            .keepPartial(true)
            .build();
    try (Evaluator evaluator = Evaluator.open(loaded, windows)) {
      return evaluator.evaluate(Long.MAX_VALUE, goOn);
    }
  }

  private static Evaluation streamed(
      MambaModel loaded, TokenFile file, Predicate<Evaluation> goOn) {
    int[] piece = new int[PIECE];
    try (StreamEvaluator evaluator = StreamEvaluator.open(loaded, PIECE)) {
      boolean more = true;
      for (long document = 0; document < file.documentCount() && more; document++) {
        long end = file.documentStart(document + 1);
        for (long at = file.documentStart(document); at < end && more; at += PIECE) {
          int count = (int) Math.min(PIECE, end - at);
          file.read(at, piece, 0, count);
          evaluator.add(count == PIECE ? piece : Arrays.copyOf(piece, count));
          more = evaluator.targets() == 0 || goOn.test(evaluator.result());
        }
        evaluator.endSequence();
      }
      return evaluator.result();
    }
  }

  private String way() {
    if (stream) {
      return "each text whole, with a carried state";
    }
    return step() == length()
        ? Text.format("windows of %d tokens", length())
        : Text.format("windows of %d tokens, the last %d counted", length(), step());
  }

  private void print(Evaluation evaluation, TextVolume volume) {
    printPerToken(evaluation);
    row("bits a byte", Text.format("%.4f", evaluation.bitsPer(volume.bytes())));
    row("perplexity a byte", Text.format("%.4f", evaluation.perplexityPer(volume.bytes())));
    row("perplexity a word", Text.perplexity(evaluation.perplexityPer(volume.words())));
    row("bytes, words", Text.format("%,d, %,d", volume.bytes(), volume.words()));
    out().flush();
  }

  private void printPerToken(Evaluation evaluation) {
    row("predicted tokens", Text.format("%,d", evaluation.targets()));
    row("loss a token", Text.format("%.4f nats", evaluation.loss()));
    row("perplexity a token", Text.perplexity(evaluation.perplexity()));
    row("accuracy", Text.format("%.2f %%", 100 * evaluation.accuracy()));
    out().flush();
  }

  private void row(String name, String value) {
    out().println(Text.format("%-20s %s", name, value));
  }
}
