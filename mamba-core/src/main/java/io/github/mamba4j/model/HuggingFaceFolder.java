package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.model.MambaConfig.DtInit;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Hugging Face's layout of a Mamba-1 model: {@code config.json} in {@code MambaConfig}'s terms and
 * {@code model.safetensors} with {@code MambaForCausalLM}'s names, which are ours.
 */
final class HuggingFaceFolder {
  static final String CONFIG = "config.json";
  static final String WEIGHTS = "model.safetensors";

  private static final String EMBEDDING = "backbone.embeddings.weight";
  private static final String HEAD = "lm_head.weight";

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
    JsonObject json = Json.readObject(path);
    String type = json.stringOr("model_type", "mamba");
    if (!type.equals("mamba")) {
      throw new CheckpointException(
          path + ": model_type is '" + type + "', expected 'mamba' (Mamba-1)");
    }
    String activation = json.stringOr("hidden_act", "silu");
    if (!activation.equals("silu")) {
      throw new CheckpointException(path + ": hidden_act is '" + activation + "', expected 'silu'");
    }
    TensorEntry embedding = entries.get(EMBEDDING);
    if (embedding == null) {
      throw new CheckpointException(file.path() + ": tensor " + EMBEDDING + " is missing");
    }
    JsonObject own = json.objectOrEmpty("mamba4j");
    int dModel = json.requireInt("hidden_size");
    int expand = json.intOr("expand", 2);
    if (json.intOr("intermediate_size", expand * dModel) != expand * dModel) {
      throw new CheckpointException(
          path
              + ": intermediate_size is "
              + json.intOr("intermediate_size", 0)
              + ", expected expand · hidden_size = "
              + expand * dModel);
    }
    try {
      int rows = Math.toIntExact(embedding.shape().getFirst());
      return new MambaConfig(
          dModel,
          json.requireInt("num_hidden_layers"),
          own.intOr("vocab_size", rows),
          own.intOr("pad_vocab_size_multiple", 1),
          json.intOr("state_size", 16),
          json.intOr("conv_kernel", 4),
          expand,
          rank(json, dModel),
          json.doubleOr("time_step_min", 0.001),
          json.doubleOr("time_step_max", 0.1),
          json.doubleOr("time_step_floor", 1e-4),
          json.doubleOr("time_step_scale", 1.0),
          json.stringOr("time_step_init_scheme", "random").equals("constant")
              ? DtInit.CONSTANT
              : DtInit.RANDOM,
          json.booleanOr("use_conv_bias", true),
          json.booleanOr("use_bias", false),
          json.booleanOr("tie_word_embeddings", true) || !entries.containsKey(HEAD),
          json.doubleOr("layer_norm_epsilon", 1e-5),
          json.doubleOr("initializer_range", 0.1),
          Discretization.valueOf(own.stringOr("discretization", "euler").toUpperCase(Locale.ROOT)));
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(path + ": " + e.getMessage(), e);
    }
  }

  private static int rank(JsonObject json, int dModel) throws CheckpointException {
    boolean auto = "auto".equals(json.members().get("time_step_rank"));
    return auto ? (dModel + 15) / 16 : json.intOr("time_step_rank", (dModel + 15) / 16);
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
    @Nullable TensorEntry embedding = entries.get(EMBEDDING);
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
    Json.write(folder.resolve(CONFIG), json(model.config()));
  }

  private static Map<String, Object> json(MambaConfig config) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("architectures", List.of("MambaForCausalLM"));
    json.put("model_type", "mamba");
    json.put("dtype", "float32");
    json.put("hidden_size", (long) config.dModel());
    json.put("num_hidden_layers", (long) config.nLayers());
    json.put("vocab_size", (long) config.paddedVocabSize());
    json.put("state_size", (long) config.dState());
    json.put("conv_kernel", (long) config.dConv());
    json.put("expand", (long) config.expand());
    json.put("intermediate_size", (long) config.dInner());
    json.put("time_step_rank", (long) config.dtRank());
    json.put("time_step_min", config.dtMin());
    json.put("time_step_max", config.dtMax());
    json.put("time_step_floor", config.dtInitFloor());
    json.put("time_step_scale", config.dtScale());
    json.put("time_step_init_scheme", config.dtInit().name().toLowerCase(Locale.ROOT));
    json.put("use_conv_bias", config.convBias());
    json.put("use_bias", config.bias());
    json.put("hidden_act", "silu");
    json.put("layer_norm_epsilon", config.normEps());
    json.put("initializer_range", config.initializerRange());
    json.put("residual_in_fp32", true);
    json.put("rescale_prenorm_residual", true);
    json.put("tie_word_embeddings", config.tieEmbeddings());
    json.put("use_cache", true);
    json.put("bos_token_id", 0L);
    json.put("eos_token_id", 0L);
    json.put("pad_token_id", 0L);
    Map<String, Object> own = new LinkedHashMap<>();
    own.put("vocab_size", (long) config.vocabSize());
    own.put("pad_vocab_size_multiple", (long) config.padVocabSizeMultiple());
    own.put("discretization", config.discretization().name().toLowerCase(Locale.ROOT));
    json.put("mamba4j", own);
    return json;
  }
}
