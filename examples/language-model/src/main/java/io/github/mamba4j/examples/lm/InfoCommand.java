package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Describes a model. */
@Command(
    name = "info",
    description = "Shows a model's shape, its tokenizer and how it was trained.")
final class InfoCommand extends SubCommand {
  @Option(
      names = "--model",
      paramLabel = "PATH",
      defaultValue = "output",
      description =
          "Folder of a model or of a training run, or a GGUF file (default: ${DEFAULT-VALUE}).")
  private Path model;

  @Mixin private TokenizerFileOption tokenizerFile;

  @Mixin private DeviceOptions deviceOptions;

  @Override
  int run() throws IOException {
    ModelFolder folder = ModelFolder.find(model);
    try (Device device = deviceOptions.open();
        MambaModel loaded = folder.load(device)) {
      out().println(folder.path());
      out().println(loaded.summary());
    }
    Optional<Tokenizer> found = tokenizerFile.find(folder);
    if (found.isPresent()) {
      Tokenizer tokenizer = found.get();
      out()
          .println(
              Text.format(
                  "tokenizer %s, %,d tokens, special %s",
                  kind(tokenizer), tokenizer.vocabSize(), tokenizer.specialTokens()));
    } else {
      out().println("tokenizer none (" + folder.tokenizerFile() + " is not there)");
    }
    Optional<RunFile> run = RunFile.readIfPresent(folder.path());
    if (run.isEmpty()) {
      out().println("training  no record");
    } else {
      out().println("training");
      for (Map.Entry<String, Object> line : run.get().describe().entrySet()) {
        out().printf(Locale.ROOT, "  %-32s %s%n", line.getKey(), line.getValue());
      }
    }
    return 0;
  }

  private static String kind(Tokenizer tokenizer) {
    String name = tokenizer.getClass().getSimpleName();
    return name.replace("Tokenizer", "").toLowerCase(Locale.ROOT);
  }
}
