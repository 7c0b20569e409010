package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Hugging Face's layout of a model: {@code config.json}, see {@link HuggingFaceConfig}, and {@code
 * model.safetensors} with the names of {@code MambaForCausalLM}, which are ours.
 */
final class HuggingFaceFolder {
  static final String CONFIG = "config.json";
  static final String WEIGHTS = "model.safetensors";

  private static final String EMBEDDING = "backbone.embeddings.weight";
  private static final String HEAD = "lm_head.weight";

  private static final Logger LOG = System.getLogger(HuggingFaceFolder.class.getName());

  private HuggingFaceFolder() {}

  static MambaModel load(Path folder, Device device, boolean ownsDevice) throws IOException {
    MambaModel model = null;
    try {
      if (!Files.isDirectory(folder)) {
        throw new CheckpointException(
            folder + ": is no folder; expected one with " + CONFIG + " and " + WEIGHTS);
      }
      try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
        Map<String, TensorEntry> entries = canonical(file);
        MambaConfig config = readConfig(folder.resolve(CONFIG), entries, file);
        model = MambaModel.uninitialised(config, device, ownsDevice);
        fill(model, entries, file);
      }
      return model;
    } catch (IOException | RuntimeException | Error e) {
      if (model != null) {
        model.close();
      } else if (ownsDevice) {
        device.close();
      }
      throw e;
    }
  }

  /** Older and newer writers differ in a prefix and in the plural of the embedding. */
  private static Map<String, TensorEntry> canonical(SafetensorsFile file)
      throws CheckpointException {
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    for (TensorEntry entry : file.entries()) {
      String name = entry.name();
      String stripped = name.startsWith("model.") ? name.substring("model.".length()) : name;
      String canonical = stripped.equals("backbone.embedding.weight") ? EMBEDDING : stripped;
      if (entries.put(canonical, entry) != null) {
        throw new CheckpointException(
            file.path() + ": holds tensor " + canonical + " twice under different names");
      }
    }
    return entries;
  }

  private static MambaConfig readConfig(
      Path path, Map<String, TensorEntry> entries, SafetensorsFile file) throws IOException {
    TensorEntry embedding = entries.get(EMBEDDING);
    if (embedding == null || embedding.shape().isEmpty()) {
      throw new CheckpointException(file.path() + ": tensor " + EMBEDDING + " is missing");
    }
    int rows = Math.toIntExact(embedding.shape().getFirst());
    return HuggingFaceConfig.read(Json.readObject(path), rows, entries.containsKey(HEAD));
  }

  private static void fill(MambaModel model, Map<String, TensorEntry> entries, SafetensorsFile file)
      throws CheckpointException {
    Map<String, TensorEntry> left = new LinkedHashMap<>(entries);
    for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
      TensorEntry entry = left.remove(parameter.getKey());
      if (entry == null) {
        throw new CheckpointException(
            file.path() + ": tensor " + parameter.getKey() + " is missing");
      }
      Tensor tensor = parameter.getValue();
      entry.requireShape(Arrays.stream(tensor.shape().toArray()).asLongStream().toArray());
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment values = arena.allocate(tensor.shape().elements() * Float.BYTES);
        entry.copyTo(values);
        tensor.write(values);
      }
    }
    dropTiedHead(left, entries, file);
    if (!left.isEmpty()) {
      throw new CheckpointException(
          file.path() + ": holds tensors that this model does not have: " + left.keySet());
    }
  }

  /** Some writers store a tied head although it is the embedding again. */
  private static void dropTiedHead(
      Map<String, TensorEntry> left, Map<String, TensorEntry> entries, SafetensorsFile file)
      throws CheckpointException {
    TensorEntry head = left.remove(HEAD);
    TensorEntry embedding = entries.get(EMBEDDING);
    if (head != null
        && embedding != null
        && (!head.shape().equals(embedding.shape())
            || head.bytes().mismatch(embedding.bytes()) >= 0)) {
      throw new CheckpointException(
          file.path()
              + ": "
              + HEAD
              + " differs from the embedding although tie_word_embeddings is true");
    }
  }

  static void save(MambaModel model, Path folder) throws IOException {
    Files.createDirectories(folder);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Arena arena = Arena.ofConfined()) {
      for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
        Tensor tensor = parameter.getValue();
        MemorySegment values = arena.allocate(tensor.shape().elements() * Float.BYTES);
        tensor.read(values);
        List<Long> shape = new ArrayList<>();
        for (int dim : tensor.shape().toArray()) {
          shape.add((long) dim);
        }
        writer.addFloats(parameter.getKey(), StoredType.F32, shape, values);
      }
      writer.write(folder.resolve(WEIGHTS));
    }
    Json.write(folder.resolve(CONFIG), HuggingFaceConfig.write(model.config()));
    if (model.config().mixer() instanceof Mamba2Mixer.Config mixer
        && mixer.nGroups() > 1
        && mixer.outputNorm() == OutputNorm.GROUPS) {
      LOG.log(
          Logger.Level.WARNING,
          "{0}: Hugging Face''s Mamba2 normalises over all groups together and will compute other"
              + " numbers from this model, which normalises each of its {1} groups",
          folder,
          mixer.nGroups());
    }
  }
}
