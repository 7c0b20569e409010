package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.data.tokens.TokenFile;
import io.github.mamba4j.data.tokens.TokenWindows;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The texts of a run as tokens in memory-mapped files, cut into windows. */
final class TrainingData implements AutoCloseable {
  private final TrainingTexts texts;
  private final TrainingTexts.Encoded counts;
  private final TokenFile trainFile;
  private final @Nullable TokenFile validationFile;
  private final TokenWindows train;
  private final @Nullable TokenWindows validation;

  private TrainingData(
      TrainingTexts texts,
      TrainingTexts.Encoded counts,
      TokenFile trainFile,
      @Nullable TokenFile validationFile,
      RunOptions run)
      throws IOException {
    this.texts = texts;
    this.counts = counts;
    this.trainFile = trainFile;
    this.validationFile = validationFile;
    this.train =
        TokenWindows.builder(trainFile)
            .batchSize(run.batchSize())
            .length(run.maxLength())
            .seed(run.seed())
            .build();
    this.validation =
        validationFile == null
            ? null
            : TokenWindows.builder(validationFile)
                .batchSize(run.batchSize())
                .length(run.maxLength())
                .shuffle(false)
                .keepPartial(true)
                .build();
  }

  /**
   * Encodes the texts.
   *
   * @param texts the texts
   * @param tokenizer encodes them
   * @param folder where the token files go
   * @param threads threads to encode with
   * @param run how they are cut
   * @throws io.github.mamba4j.data.DataException if there is too little text
   */
  static TrainingData encode(
      TrainingTexts texts, Tokenizer tokenizer, Path folder, int threads, RunOptions run)
      throws IOException {
    Path trainPath = folder.resolve("train.tokens");
    Path validationPath = folder.resolve("validation.tokens");
    TrainingTexts.Encoded counts = texts.encode(tokenizer, threads, trainPath, validationPath);
    TokenFile train = TokenFile.open(trainPath);
    TokenFile validation = null;
    try {
      validation = counts.validation() == null ? null : TokenFile.open(validationPath);
      return new TrainingData(texts, counts, train, validation, run);
    } catch (IOException | RuntimeException e) {
      train.close();
      if (validation != null) {
        validation.close();
      }
      throw e;
    }
  }

  TrainingTexts texts() {
    return texts;
  }

  TrainingTexts.Encoded counts() {
    return counts;
  }

  TokenWindows train() {
    return train;
  }

  @Nullable TokenWindows validation() {
    return validation;
  }

  /** Returns hashes of what is trained and measured on, for the record. */
  Map<String, Object> hashes() {
    Map<String, Object> hashes = new LinkedHashMap<>();
    hashes.put("train_tokens_sha256", trainFile.sha256());
    if (validationFile != null) {
      hashes.put("validation_tokens_sha256", validationFile.sha256());
    }
    hashes.put("order_sha256", train.fingerprint());
    return hashes;
  }

  @Override
  public void close() {
    trainFile.close();
    if (validationFile != null) {
      validationFile.close();
    }
  }
}
