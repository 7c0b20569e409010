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

  /**
   * The numbers of a parameter.
   *
   * @param type how they are to be stored
   * @param shape its shape
   * @param memory native-order floats, or the bytes that are to be stored
   * @param asStored true for those bytes
   */
  record Values(StoredType type, List<Long> shape, MemorySegment memory, boolean asStored) {}

  /** What a writer is told of each parameter. */
  @FunctionalInterface
  private interface Adder {
    void add(String name, Values values);
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
    try (Arena arena = Arena.ofShared()) {
      forEach(
          model,
          arena,
          weights,
          (name, values) -> writer.addFloats(name, values.type(), values.shape(), values.memory()));
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
    try (Arena arena = Arena.ofShared()) {
      forEach(
          model,
          arena,
          weights,
          (name, values) -> {
            boolean embedding = name.equals(CheckpointLayout.EMBEDDING);
            writer.addFloats(
                embedding ? ORIGINAL_EMBEDDING : name,
                values.type(),
                values.shape(),
                values.memory());
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
    try (Arena arena = Arena.ofShared()) {
      forEach(
          model,
          arena,
          options.weights(),
          (name, values) -> GgufLayout.add(model.config().mixer(), name, values, writer));
      writer.write(file);
    }
  }

  private static void forEach(MambaModel model, Arena arena, StoredType weights, Adder adder) {
    for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
      Tensor tensor = parameter.getValue();
      List<Long> shape = tensor.shape().toList();
      boolean narrow =
          CheckpointLayout.kind(parameter.getKey()) == CheckpointLayout.Kind.MATRIX
              && shape.getLast() % weights.blockElements() == 0;
      StoredType type = narrow ? weights : StoredType.F32;
      // Blocks are not made again of what they stand for, which could round twice.
      boolean asStored = type.isBlocked() && type == Precision.stored(tensor.dtype());
      long elements = tensor.shape().elements();
      MemorySegment memory;
      if (asStored) {
        memory = arena.allocate(tensor.dtype().bytes(elements));
        tensor.read(memory);
      } else {
        memory = arena.allocate(elements * Float.BYTES, Float.BYTES);
        tensor.readFloats(memory);
      }
      adder.add(parameter.getKey(), new Values(type, shape, memory, asStored));
    }
  }
}
