package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes a model of any checkpoint: the configuration, then every parameter, nothing left over. */
final class ModelReader {
  private static final Logger LOG = System.getLogger(ModelReader.class.getName());

  private ModelReader() {}

  static MambaModel load(Path path, Device device, boolean ownsDevice) throws IOException {
    MambaModel model = null;
    try {
      if (Files.notExists(path)) {
        // What a killed save had set aside.
        AtomicFiles.recoverDirectory(path);
      }
      try (CheckpointFile file = CheckpointFile.open(path)) {
        CheckpointLayout layout = CheckpointLayout.of(file);
        model = MambaModel.uninitialised(layout.config(), device, ownsDevice);
        fill(model, layout);
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

  private static void fill(MambaModel model, CheckpointLayout layout) throws CheckpointException {
    Path path = layout.file().path();
    Map<String, TensorEntry> left = new LinkedHashMap<>(layout.entries());
    List<String> broken = new ArrayList<>();
    for (Map.Entry<String, Tensor> parameter : model.parameters().entrySet()) {
      String name = parameter.getKey();
      TensorEntry entry = left.remove(name);
      if (entry == null) {
        throw new CheckpointException(path + ": tensor " + name + " is missing");
      }
      Tensor tensor = parameter.getValue();
      List<Long> stored = layout.storedShape(name, tensor.shape().toList());
      entry.requireShape(stored.stream().mapToLong(Long::longValue).toArray());
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment values = arena.allocate(entry.elementCount() * Float.BYTES, Float.BYTES);
        entry.copyTo(values);
        layout.decode(name, values);
        if (hasNaN(values)) {
          broken.add(name);
        }
        tensor.write(values);
      }
    }
    dropTiedHead(left, layout);
    if (!left.isEmpty()) {
      throw new CheckpointException(
          path + ": holds tensors that this model does not have: " + left.keySet());
    }
    if (!broken.isEmpty()) {
      LOG.log(Logger.Level.WARNING, "{0}: weights that are not numbers (NaN) in {1}", path, broken);
    }
  }

  private static boolean hasNaN(MemorySegment values) {
    long count = values.byteSize() / Float.BYTES;
    for (long i = 0; i < count; i++) {
      if (Float.isNaN(values.getAtIndex(ValueLayout.JAVA_FLOAT, i))) {
        return true;
      }
    }
    return false;
  }

  /** Some writers store a tied head although it is the embedding again. */
  private static void dropTiedHead(Map<String, TensorEntry> left, CheckpointLayout layout)
      throws CheckpointException {
    TensorEntry head = left.remove(CheckpointLayout.HEAD);
    TensorEntry embedding = layout.entries().get(CheckpointLayout.EMBEDDING);
    if (head != null
        && embedding != null
        && (!head.shape().equals(embedding.shape())
            || head.bytes().mismatch(embedding.bytes()) >= 0)) {
      throw new CheckpointException(
          layout.file().path()
              + ": tensor "
              + head.name()
              + " differs from the embedding although the configuration ties them");
    }
  }
}
