package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.tokenizer.GgufTokenizers;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.SaveOptions;
import io.github.mamba4j.tensor.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes a model in another format. */
@Command(
    name = "convert",
    description = {
      "Writes a model in another format, its tokenizer with it.",
      "Read are Hugging Face folders, state-spaces/mamba folders and GGUF files."
    })
final class ConvertCommand extends SubCommand {
  /** The formats that can be written. */
  enum Format {
    /** A folder with config.json and model.safetensors. */
    HUGGINGFACE,
    /** A folder with config.json and pytorch_model.bin. */
    ORIGINAL,
    /** One file. */
    GGUF;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The types of the large matrices. */
  enum Weights {
    /** 32 bits. */
    F32,
    /** 16 bits, IEEE half precision. */
    F16,
    /** 16 bits, the upper half of 32. */
    BF16,
    /** 8 bits in blocks of 32 with a scale; GGUF only. */
    Q8_0;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--model",
      paramLabel = "PATH",
      required = true,
      description = "The model: a folder or a GGUF file.")
  private Path model;

  @Mixin private TokenizerFileOption tokenizerFile;

  @Option(
      names = "--output",
      paramLabel = "PATH",
      required = true,
      description = "Where to write: a new or empty folder, or for gguf a new file.")
  private Path output;

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      required = true,
      description = "${COMPLETION-CANDIDATES}.")
  private Format format;

  @Option(
      names = "--weights",
      paramLabel = "TYPE",
      defaultValue = "f32",
      description = {
        "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}): how the large matrices",
        "are stored; q8_0 for gguf only."
      })
  private Weights weights;

  @Override
  int run() throws IOException {
    requireNew();
    ModelFolder folder = ModelFolder.find(model);
    Optional<Tokenizer> tokenizer = tokenizerFile.find(folder);
    try (Device device = Device.open("cpu", 0);
        MambaModel loaded = folder.load(device)) {
      BadInputException.refused(() -> {
        save(loaded, tokenizer);
        return loaded;
      });
    }
    out().println("written " + output + " (" + format + ", " + weights + ")");
    if (tokenizer.isEmpty()) {
      out().println("tokenizer none: " + model + " has none");
    }
    return 0;
  }

  private void requireNew() throws IOException {
    if (format == Format.GGUF ? Files.exists(output) : !isNewFolder()) {
      throw new BadInputException(
          "--output " + output + ": is there already; name a new one or delete it");
    }
    Path parent = output.toAbsolutePath().getParent();
    OutputFolder.requireWritable(
        "--output", format == Format.GGUF && parent != null ? parent : output);
  }

  private boolean isNewFolder() throws IOException {
    boolean file = Files.exists(output) && !Files.isDirectory(output);
    return !file && OutputFolder.isEmpty(output);
  }

  private void save(MambaModel loaded, Optional<Tokenizer> tokenizer) {
    try {
      loaded.save(output, options(loaded, tokenizer).weights(StoredType.valueOf(weights.name())));
      if (format != Format.GGUF && tokenizer.isPresent()) {
        tokenizer.get().save(output.resolve(ModelFolder.TOKENIZER));
      }
    } catch (FileSystemException e) {
      String reason = e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
      throw new BadInputException("--output " + output + ": cannot be written (" + reason + ")", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private SaveOptions options(MambaModel loaded, Optional<Tokenizer> tokenizer) {
    return switch (format) {
      case HUGGINGFACE -> SaveOptions.huggingFace();
      case ORIGINAL -> SaveOptions.original();
      case GGUF -> SaveOptions.gguf().metadata(writer -> addTokenizer(loaded, tokenizer, writer));
    };
  }

  private static void addTokenizer(
      MambaModel loaded, Optional<Tokenizer> tokenizer, GgufWriter writer) {
    if (tokenizer.isPresent()) {
      try {
        GgufTokenizers.write(tokenizer.get(), loaded.config().paddedVocabSize(), writer);
      } catch (DataException e) {
        throw new IllegalArgumentException("--to gguf: " + e.getMessage(), e);
      }
    }
  }
}
