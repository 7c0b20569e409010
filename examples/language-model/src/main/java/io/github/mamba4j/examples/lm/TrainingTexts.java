package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.corpus.DocumentSplit;
import io.github.mamba4j.data.corpus.LanguageStatistics;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.data.tokens.CorpusEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The texts of a run, each either to train on or to measure on. They are streamed, never held. */
final class TrainingTexts {
  private final Corpus corpus;
  private final @Nullable Corpus separate;
  private final DocumentSplit split;
  private final TextVolume train;
  private final TextVolume validation;

  /**
   * What {@link #encode} wrote.
   *
   * @param train counts of what is trained on
   * @param validation counts of what is measured on, null if there is nothing
   */
  record Encoded(LanguageStatistics train, @Nullable LanguageStatistics validation) {}

  private TrainingTexts(Corpus corpus, @Nullable Corpus separate, DocumentSplit split)
      throws IOException {
    this.corpus = corpus;
    this.separate = separate;
    this.split = split;
    TextVolume[] volumes = {TextVolume.NONE, TextVolume.NONE};
    corpus.forEach(document -> {
      int side = split.isValidation(document) ? 1 : 0;
      volumes[side] = volumes[side].plus(document);
    });
    if (separate != null) {
      separate.forEach(document -> volumes[1] = volumes[1].plus(document));
    }
    this.train = volumes[0];
    this.validation = volumes[1];
  }

  /** Finds the texts, reads them once and decides which is for what. */
  static TrainingTexts open(CorpusOptions options, ValidationOptions validation, long seed)
      throws IOException {
    Corpus corpus = options.open();
    Path separate = validation.data();
    return separate == null
        ? new TrainingTexts(corpus, null, DocumentSplit.of(validation.split(), seed).fitted(corpus))
        : new TrainingTexts(corpus, options.open(separate), DocumentSplit.of(0, seed));
  }

  TextVolume train() {
    return train;
  }

  TextVolume validation() {
    return validation;
  }

  List<Path> files() {
    List<Path> files = new ArrayList<>(corpus.files());
    if (separate != null) {
      files.addAll(separate.files());
    }
    return files;
  }

  /** Hands over the texts to train on. */
  void forEachTraining(Consumer<String> consumer) throws IOException {
    corpus.forEach(document -> {
      if (!split.isValidation(document)) {
        consumer.accept(document.text());
      }
    });
  }

  /** Writes token files; that for validation only if there is a text for it. */
  Encoded encode(Tokenizer tokenizer, int threads, Path trainFile, Path validationFile)
      throws IOException {
    CorpusEncoder encoder = CorpusEncoder.builder(tokenizer).threads(threads).build();
    if (separate != null) {
      return new Encoded(
          encoder.encode(corpus, trainFile), encoder.encode(separate, validationFile));
    }
    if (validation.documents() == 0) {
      return new Encoded(encoder.encode(corpus, trainFile), null);
    }
    CorpusEncoder.Result result = encoder.encode(corpus, split, trainFile, validationFile);
    return new Encoded(result.train(), result.validation());
  }
}
