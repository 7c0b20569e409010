package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the tokenizer of a model is, if not with the model. */
final class TokenizerFileOption {
  @Option(
      names = "--tokenizer",
      paramLabel = "PATH",
      description =
          "The model's tokenizer where none lies with it: a tokenizer.json, a folder with one, or a"
              + " GGUF file.")
  private @Nullable Path path;

  /**
   * Returns the named tokenizer, else the model's own.
   *
   * @throws BadInputException if there is neither
   */
  Tokenizer of(ModelFolder folder) throws IOException {
    return find(folder)
        .orElseThrow(() ->
            new BadInputException(
                folder.tokenizerFile()
                    + ": no such file; put the model's tokenizer there or name one with"
                    + " --tokenizer, without it text means nothing"));
  }

  /** Returns the named tokenizer, else the model's own, else empty. */
  Optional<Tokenizer> find(ModelFolder folder) throws IOException {
    return path == null ? folder.findTokenizer() : Optional.of(ModelFolder.tokenizerAt(path));
  }
}
