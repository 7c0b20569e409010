package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** The file that an {@link InferenceState} is saved in. */
final class StateFile {
  private static final String FORMAT = "mamba4j-state";
  private static final String VERSION = "2";

  private StateFile() {}

  static void save(SequenceStates states, Path file) throws IOException {
    String positions =
        LongStream.range(0, states.rows())
            .map(row -> states.position((int) row))
            .mapToObj(Long::toString)
            .collect(Collectors.joining(","));
    SafetensorsWriter writer =
        new SafetensorsWriter()
            .metadata("format", FORMAT)
            .metadata("version", VERSION)
            .metadata("model", states.model().fingerprint())
            .metadata("positions", positions);
    for (Map.Entry<String, Tensor> entry : states.tensors().entrySet()) {
      List<Long> shape = entry.getValue().shape().toList();
      writer.addFloats(entry.getKey(), shape, entry.getValue().toFloats());
    }
    writer.write(file);
  }

  static InferenceState load(MambaModel model, Path file) throws IOException {
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      Map<String, String> metadata = stored.metadata();
      requireVersion(file, metadata);
      if (!model.fingerprint().equals(metadata.get("model"))) {
        throw new CheckpointException(
            file
                + ": was saved from another model (other weights, element types or configuration);"
                + " load that model first");
      }
      long[] positions = positions(file, metadata.getOrDefault("positions", ""));
      TensorEntry logits = stored.require("logits");
      logits.requireShape(positions.length, model.config().vocabSize());
      InferenceState state = InferenceState.fresh(model, positions.length);
      try {
        fill(state.rows(), stored, positions);
        return state;
      } catch (IOException | RuntimeException | Error e) {
        state.close();
        throw e;
      }
    }
  }

  private static void requireVersion(Path file, Map<String, String> metadata)
      throws CheckpointException {
    String version = metadata.getOrDefault("version", "none");
    if (!FORMAT.equals(metadata.get("format"))) {
      throw new CheckpointException(
          file + ": is no Mamba4J state, its format is " + metadata.get("format"));
    }
    if (!VERSION.equals(version)) {
      throw new CheckpointException(
          file
              + ": is a state file of version "
              + version
              + ", expected version "
              + VERSION
              + "; read the prompt again and save its state anew");
    }
  }

  private static long[] positions(Path file, String text) throws CheckpointException {
    try {
      long[] positions = Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
      if (Arrays.stream(positions).allMatch(position -> position >= 0)) {
        return positions;
      }
    } catch (NumberFormatException e) {
      throw new CheckpointException(file + ": its positions are no numbers, found " + text, e);
    }
    throw new CheckpointException(file + ": its positions must not be negative, found " + text);
  }

  private static void fill(SequenceStates states, SafetensorsFile stored, long[] positions)
      throws CheckpointException {
    for (Map.Entry<String, Tensor> entry : states.tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      long[] shape = Arrays.stream(tensor.shape().toArray()).asLongStream().toArray();
      float[] values = stored.require(entry.getKey()).requireShape(shape).toFloatArray();
      tensor.write(MemorySegment.ofArray(values));
    }
    for (int row = 0; row < positions.length; row++) {
      states.setPosition(row, positions[row]);
    }
  }
}
