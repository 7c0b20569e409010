package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.TensorEntry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A PyTorch state dict with a {@code config.json} beside it: Hugging Face's or
 * state-spaces/mamba's, which name and shape their tensors alike and differ in the configuration.
 * Its content says whose it is.
 */
final class StateDictLayout extends CheckpointLayout {
  static final String CONFIG = "config.json";

  private StateDictLayout(CheckpointFile file, Map<String, TensorEntry> entries) {
    super(file, entries);
  }

  /** Older and newer writers differ in a prefix and in the plural of the embedding. */
  static StateDictLayout of(CheckpointFile file) throws CheckpointException {
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    for (TensorEntry entry : file.entries()) {
      String name = entry.name();
      String stripped = name.startsWith("model.") ? name.substring("model.".length()) : name;
      String parameter = stripped.equals("backbone.embedding.weight") ? EMBEDDING : stripped;
      if (entries.put(parameter, entry) != null) {
        throw new CheckpointException(
            file.path() + ": holds tensor " + parameter + " twice under different names");
      }
    }
    return new StateDictLayout(file, entries);
  }

  @Override
  MambaConfig config() throws IOException {
    Path path = file().path().resolveSibling(CONFIG);
    if (!Files.exists(path)) {
      throw new CheckpointException(
          path + ": does not exist, expected the configuration of " + file().path().getFileName());
    }
    JsonObject json = Json.readObject(path);
    return json.has("d_model")
        ? OriginalConfig.read(json, rows(), hasHead())
        : HuggingFaceConfig.read(json, rows(), hasHead());
  }

  @Override
  List<Long> storedShape(String parameter, List<Long> shape) {
    return shape;
  }

  @Override
  void decode(String parameter, MemorySegment floats) {}
}
