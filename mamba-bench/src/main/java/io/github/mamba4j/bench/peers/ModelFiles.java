package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.tokenizer.BpeTokenizer;
import io.github.mamba4j.data.tokenizer.BpeTrainer;
import io.github.mamba4j.data.tokenizer.GgufTokenizers;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.SaveOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * GGUF files of published sizes with random weights. Their tokenizer has the 256 bytes and no
 * merges, so that each letter of a prompt is a token; the other rows are unused tokens.
 */
final class ModelFiles {
  private static final int BYTES = 256;

  private ModelFiles() {}

  /** Returns the file of a model whose matrices are stored in a type. */
  static Path file(Path folder, PublishedModel model, StoredType weights) {
    String type = weights.name().toLowerCase(Locale.ROOT);
    String label = model.label();
    String name = label.startsWith("mamba") ? label : "mamba-" + label;
    return folder.resolve(name + "-" + type + ".gguf");
  }

  /**
   * Writes the files that do not exist yet.
   *
   * @param folder where to; made if it does not exist
   * @param model the size
   * @param types one file each
   */
  static void make(Path folder, PublishedModel model, List<StoredType> types) throws IOException {
    List<StoredType> missing =
        types.stream().filter(type -> !Files.exists(file(folder, model, type))).toList();
    if (missing.isEmpty()) {
      return;
    }
    Files.createDirectories(folder);
    BpeTokenizer bytes =
        BpeTrainer.builder()
            .vocabSize(BYTES + 1)
            .threads(1)
            .build()
            .train(texts -> texts.accept("a"));
    try (MambaModel weights = model.create(1)) {
      for (StoredType type : missing) {
        weights.save(
            file(folder, model, type),
            SaveOptions.gguf().weights(type).metadata(writer -> addTokenizer(bytes, writer)));
      }
    }
  }

  private static void addTokenizer(BpeTokenizer tokenizer, GgufWriter writer) {
    try {
      GgufTokenizers.write(tokenizer, PublishedModel.VOCAB, writer);
    } catch (DataException e) {
      throw new UncheckedIOException(e);
    }
  }
}
