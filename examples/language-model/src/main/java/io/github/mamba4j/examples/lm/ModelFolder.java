package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.data.tokenizer.BpeTokenizer;
import io.github.mamba4j.data.tokenizer.GgufTokenizers;
import io.github.mamba4j.data.tokenizer.GgufVocabulary;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.model.LoadOptions;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.Precision;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A model on disk: a GGUF file, or a folder with {@code config.json}, weights and, if it was
 * trained here, {@link #TOKENIZER} and {@link RunFile#NAME}.
 *
 * @param path the folder or file
 */
record ModelFolder(Path path) {
  /** The name of the tokenizer's file. */
  static final String TOKENIZER = "tokenizer.json";

  /** The checkpoint with the lowest validation loss. */
  static final String BEST = "best";

  /** The newest checkpoint. */
  static final String LAST = "last";

  private static final String CONFIG = "config.json";

  /**
   * Finds the model that a user means: in the folder itself, or the best or last checkpoint of a
   * run.
   *
   * @throws BadInputException if there is none
   */
  static ModelFolder find(Path named) throws IOException {
    if (Files.isRegularFile(named)) {
      return new ModelFolder(named);
    }
    for (Path candidate : List.of(named, named.resolve(BEST), named.resolve(LAST))) {
      AtomicFiles.recoverDirectory(candidate);
      if (Files.isRegularFile(candidate.resolve(CONFIG))) {
        return new ModelFolder(candidate);
      }
    }
    throw new BadInputException(
        String.format(
            Locale.ROOT,
            Files.isDirectory(named)
                ? "--model %s: holds no model (%s with its weights, or a checkpoint '%s' or '%s')"
                : "--model %s: no such file or folder; name a .gguf file, a folder with %s, or a"
                    + " run's with '%s' or '%s'",
            named,
            CONFIG,
            BEST,
            LAST));
  }

  MambaModel load(Device device) throws IOException {
    return load(device, Precision.STORED);
  }

  MambaModel load(Device device, Precision precision) throws IOException {
    return MambaModel.load(path, LoadOptions.defaults().precision(precision).device(device));
  }

  /** Returns the tokenizer that belongs to the model, or empty if there is none with it. */
  Optional<Tokenizer> findTokenizer() throws IOException {
    if (Files.isRegularFile(path)) {
      try (CheckpointFile file = CheckpointFile.open(path)) {
        Optional<GgufVocabulary> vocabulary =
            file instanceof GgufFile gguf ? GgufTokenizers.read(gguf) : Optional.empty();
        if (vocabulary.isPresent()) {
          return Optional.of(BpeTokenizer.fromGguf(vocabulary.get()));
        }
      }
    }
    Path file = Files.isRegularFile(path) ? path.resolveSibling(TOKENIZER) : tokenizerFile();
    return Files.exists(file) ? Optional.of(Tokenizer.load(file)) : Optional.empty();
  }

  private Path tokenizerFile() {
    return path.resolve(TOKENIZER);
  }

  Tokenizer tokenizer() throws IOException {
    Optional<Tokenizer> found = findTokenizer();
    if (found.isEmpty()) {
      Path file = Files.isRegularFile(path) ? path.resolveSibling(TOKENIZER) : tokenizerFile();
      throw new BadInputException(
          file + ": no such file; put the model's tokenizer there, without it text means nothing");
    }
    return found.get();
  }
}
