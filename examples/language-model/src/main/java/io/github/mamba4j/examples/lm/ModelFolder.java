package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.CheckpointFormat;
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
import java.util.stream.Stream;

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
    if (Files.isDirectory(named)) {
      return new ModelFolder(onlyGguf(named));
    }
    if (Files.exists(named)) {
      throw new BadInputException("--model " + named + ": is neither a file nor a folder");
    }
    throw new BadInputException(
        String.format(
            Locale.ROOT,
            "--model %s: no such file or folder; name a .gguf file, a folder with %s, or a run's"
                + " with '%s' or '%s'",
            named,
            CONFIG,
            BEST,
            LAST));
  }

  /** A folder as GGUF files are downloaded into; which of several is meant nobody can tell. */
  private static Path onlyGguf(Path folder) throws IOException {
    List<Path> found;
    try (Stream<Path> files = Files.list(folder)) {
      found = files.filter(file -> file.toString().endsWith(".gguf")).sorted().toList();
    }
    if (found.size() == 1) {
      return found.getFirst();
    }
    throw new BadInputException(
        found.isEmpty()
            ? String.format(
                Locale.ROOT,
                "--model %s: holds no model (%s with its weights, a .gguf file, or a checkpoint"
                    + " '%s' or '%s')",
                folder,
                CONFIG,
                BEST,
                LAST)
            : String.format(
                Locale.ROOT,
                "--model %s: holds %d .gguf files; name one of them, as %s",
                folder,
                found.size(),
                found.getFirst()));
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
      Optional<Tokenizer> embedded = embedded(path);
      if (embedded.isPresent()) {
        return embedded;
      }
    }
    Path file = tokenizerFile();
    return Files.exists(file) ? Optional.of(Tokenizer.load(file)) : Optional.empty();
  }

  /**
   * Returns the tokenizer that a user names: a {@link #TOKENIZER} of any name, a folder with one,
   * or a GGUF file.
   *
   * @throws BadInputException if there is none
   */
  static Tokenizer tokenizerAt(Path named) throws IOException {
    Path file = Files.isDirectory(named) ? named.resolve(TOKENIZER) : named;
    if (!Files.isRegularFile(file)) {
      throw new BadInputException(
          "--tokenizer "
              + named
              + ": "
              + (file.equals(named) ? "no such file" : "has no " + TOKENIZER));
    }
    if (!isGguf(file)) {
      return Tokenizer.load(file);
    }
    return embedded(file)
        .orElseThrow(() ->
            new BadInputException("--tokenizer " + named + ": this GGUF file has no tokenizer"));
  }

  private static Optional<Tokenizer> embedded(Path file) throws IOException {
    if (!isGguf(file)) {
      return Optional.empty();
    }
    try (GgufFile gguf = GgufFile.open(file)) {
      Optional<GgufVocabulary> vocabulary = GgufTokenizers.read(gguf);
      return vocabulary.isPresent()
          ? Optional.of(BpeTokenizer.fromGguf(vocabulary.get()))
          : Optional.empty();
    }
  }

  private static boolean isGguf(Path file) throws IOException {
    try {
      return CheckpointFormat.of(file) == CheckpointFormat.GGUF;
    } catch (CheckpointException noCheckpoint) {
      return false;
    }
  }

  /** Returns where the tokenizer lies if it is a file of its own. */
  Path tokenizerFile() {
    return Files.isRegularFile(path) ? path.resolveSibling(TOKENIZER) : path.resolve(TOKENIZER);
  }
}
