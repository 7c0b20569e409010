package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A folder with a model: {@code config.json}, {@code model.safetensors} and, if it was trained
 * here, {@link #TOKENIZER} and {@link RunFile#NAME}.
 *
 * @param path the folder
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
                ? "--model %s: holds no model (%s and model.safetensors, or a checkpoint '%s' or"
                    + " '%s')"
                : "--model %s: no such folder; name one with %s, or a run's with '%s' or '%s'",
            named,
            CONFIG,
            BEST,
            LAST));
  }

  MambaModel load(Device device) throws IOException {
    return MambaModel.load(path, device);
  }

  boolean hasTokenizer() {
    return Files.exists(path.resolve(TOKENIZER));
  }

  Tokenizer tokenizer() throws IOException {
    Path file = path.resolve(TOKENIZER);
    if (!Files.exists(file)) {
      throw new BadInputException(
          file + ": no such file; put the model's tokenizer there, without it text means nothing");
    }
    return Tokenizer.load(file);
  }
}
