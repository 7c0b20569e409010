package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.checkpoint.TorchWriter;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a model in any of the layouts of {@link SaveOptions}. */
final class ModelWriter {
  static final String WEIGHTS = "model.safetensors";
  private static final String ORIGINAL_WEIGHTS = "pytorch_model.bin";
  private static final String ORIGINAL_EMBEDDING = "backbone.embedding.weight";
  private static final Logger LOG = System.getLogger(ModelWriter.class.getName());

  /** What a writer is told of each parameter. */
  @FunctionalInterface
  private interface Adder {
    void add(String name, StoredType type, List<Long> shape, MemorySegment floats);
  }

  private ModelWriter() {}

  static void save(MambaModel model, Path path, SaveOptions options) throws IOException {
    switch (options.layout()) {
      case HUGGING_FACE -> saveHuggingFace(model, path, options.weights());
      case ORIGINAL -> saveOriginal(model, path, options.weights());
      case GGUF -> saveGguf(model, path, options);
    }
  }

  private static void saveHuggingFace(MambaModel model, Path folder, StoredType weights)
      throws IOException {
    Map<String, @Nullable Object> config = HuggingFaceConfig.write(model.config());
    Files.createDirectories(folder);
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Arena arena = Arena.ofConfined()) {
      forEach(model, arena, weights, writer::addFloats);
      writer.write(folder.resolve(WEIGHTS));
    }
    Json.write(folder.resolve(StateDictLayout.CONFIG), config);
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

  private static void saveOriginal(MambaModel model, Path folder, StoredType weights)
      throws IOException {
    Map<String, @Nullable Object> config = OriginalConfig.write(model.config());
    Files.createDirectories(folder);
    TorchWriter writer = new TorchWriter();
    try (Arena arena = Arena.ofConfined()) {
      forEach(
          model,
          arena,
          weights,
          (name, type, shape, floats) -> {
            boolean embedding = name.equals(CheckpointLayout.EMBEDDING);
            writer.addFloats(embedding ? ORIGINAL_EMBEDDING : name, type, shape, floats);
          });
      if (model.config().tieEmbeddings()) {
        writer.addShared(CheckpointLayout.HEAD, ORIGINAL_EMBEDDING);
      }
      writer.write(folder.resolve(ORIGINAL_WEIGHTS));
    }
    Json.write(folder.resolve(StateDictLayout.CONFIG), config);
  }

  private static void saveGguf(MambaModel model, Path file, SaveOptions options)
      throws IOException {
    GgufWriter writer = new GgufWriter();
    GgufLayout.write(model.config(), writer);
    options.metadata().accept(writer);
    try (Arena arena = Arena.ofConfined()) {
      forEach(
          model,
          arena,
          options.weights(),
          (name, type, shape, floats) ->
              GgufLayout.add(model.config().mixer(), name, type, shape, floats, writer));
      writer.write(file);
    }
  }

  private static void forEach(MambaModel model, Arena arena, StoredType weights, Adder adder) {
    for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
      Tensor tensor = parameter.getValue();
      MemorySegment values = arena.allocate(tensor.shape().elements() * Float.BYTES, Float.BYTES);
      tensor.read(values);
      List<Long> shape = tensor.shape().toList();
      boolean narrow =
          isMatrix(parameter.getKey()) && shape.getLast() % weights.blockElements() == 0;
      adder.add(parameter.getKey(), narrow ? weights : StoredType.F32, shape, values);
    }
  }

  /** Whether a parameter is one of the large matrices that may be stored in fewer bits. */
  static boolean isMatrix(String parameter) {
    return parameter.equals(CheckpointLayout.EMBEDDING)
        || parameter.equals(CheckpointLayout.HEAD)
        || parameter.endsWith(".in_proj.weight")
        || parameter.endsWith(".x_proj.weight")
        || parameter.endsWith(".out_proj.weight");
  }
}
