package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.generate.GeneratedToken;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenStream;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a text, token by token. */
@Command(
    name = "generate",
    description = "Continues a text with a trained model; prints it as it comes, in UTF-8.",
    sortOptions = false)
final class GenerateCommand extends SubCommand {
  @Option(
      names = "--model",
      paramLabel = "PATH",
      defaultValue = "output",
      description =
          "Folder of a model or of a training run, or a GGUF file (default: ${DEFAULT-VALUE}).")
  private Path model;

  @Mixin private TokenizerFileOption tokenizerFile;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "What to continue (default: nothing, the start of a text).")
  private @Nullable String prompt;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "UTF-8 file with what to continue.")
  private @Nullable Path promptFile;

  @Option(
      names = "--no-echo",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description = "Whether to print the prompt first (default: yes).")
  private boolean echo;

  @Mixin private SamplingMixin sampling;
  @Mixin private DeviceOptions deviceOptions;

  @Override
  int run() throws IOException {
    if (prompt != null && promptFile != null) {
      throw new BadInputException("--prompt and --prompt-file contradict each other; give one");
    }
    sampling.options(-1);
    String text = promptText();
    ModelFolder folder = ModelFolder.find(model);
    Tokenizer tokenizer = tokenizerFile.of(folder);
    SamplingOptions options = sampling.options(tokenizer.endOfTextId());
    int[] ids = BadInputException.refused(() -> encode(tokenizer, text));
    try (Device device = deviceOptions.open();
        MambaModel loaded = folder.load(device)) {
      Generator generator = BadInputException.refused(() -> Generator.of(loaded, tokenizer));
      print(generator, ids, options, echo ? text : "");
    }
    return 0;
  }

  private String promptText() throws IOException {
    if (promptFile == null) {
      return prompt == null ? "" : prompt;
    }
    try {
      return Files.readString(promptFile);
    } catch (CharacterCodingException e) {
      throw new BadInputException("--prompt-file " + promptFile + ": is not UTF-8", e);
    } catch (IOException e) {
      throw new BadInputException("--prompt-file " + promptFile + ": cannot be read", e);
    }
  }

  /** The ids of a prompt; an empty one becomes the token between texts. */
  static int[] encode(Tokenizer tokenizer, String text) {
    int[] ids = tokenizer.encodeOrdinary(text);
    if (ids.length > 0) {
      return ids;
    }
    if (tokenizer.endOfTextId() < 0) {
      throw new IllegalArgumentException(
          "--prompt is empty, and this tokenizer has no token to start a text with; give a prompt");
    }
    return new int[] {tokenizer.endOfTextId()};
  }

  private void print(Generator generator, int[] ids, SamplingOptions options, String before) {
    out().print(before);
    out().flush();
    long began = System.nanoTime();
    int made = 0;
    try (TokenStream stream = generator.stream(ids, options)) {
      while (stream.hasNext()) {
        GeneratedToken token = stream.next();
        out().print(token.text());
        out().flush();
        made++;
      }
      out().println();
      if (verbose()) {
        double seconds = (System.nanoTime() - began) / 1e9;
        err()
            .println(
                Text.format(
                    "%d tokens in %.2f s (%.0f a second, the prompt's %d tokens included), ended by"
                        + " %s",
                    made,
                    seconds,
                    made / seconds,
                    ids.length,
                    stream.finishReason().orElseThrow()));
      }
    }
  }
}
