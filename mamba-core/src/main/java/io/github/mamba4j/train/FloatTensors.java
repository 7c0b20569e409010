package io.github.mamba4j.train;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Named float tensors in a safetensors file, bit by bit. */
final class FloatTensors {
  private FloatTensors() {}

  static void write(Path file, Map<String, Tensor> tensors) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Arena arena = Arena.ofShared()) {
      for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
        Tensor tensor = entry.getValue();
        MemorySegment values = arena.allocate(tensor.shape().elements() * Float.BYTES);
        tensor.read(values);
        List<Long> shape = Arrays.stream(dims(tensor)).boxed().toList();
        writer.addFloats(entry.getKey(), StoredType.F32, shape, values);
      }
      writer.write(file);
    }
  }

  /** Demands that a file has exactly these tensors in these shapes. */
  static void requireSame(SafetensorsFile file, Map<String, Tensor> tensors)
      throws CheckpointException {
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      file.require(entry.getKey()).requireShape(dims(entry.getValue()));
    }
    Set<String> left = new LinkedHashSet<>(file.names());
    left.removeAll(tensors.keySet());
    if (!left.isEmpty()) {
      throw new CheckpointException(
          file.path() + ": holds tensors that this model does not have: " + left);
    }
  }

  static void read(SafetensorsFile file, Map<String, Tensor> tensors) throws CheckpointException {
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      try (Arena arena = Arena.ofShared()) {
        MemorySegment values = arena.allocate(tensor.shape().elements() * Float.BYTES);
        file.require(entry.getKey()).copyTo(values);
        tensor.write(values);
      }
    }
  }

  /** Returns the name of the first tensor that holds an infinity or a NaN. */
  static Optional<String> firstNotFinite(Map<String, Tensor> tensors) {
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor tensor = entry.getValue();
      long count = tensor.shape().elements();
      try (Arena arena = Arena.ofShared()) {
        MemorySegment values = arena.allocate(count * Float.BYTES, Float.BYTES);
        tensor.read(values);
        for (long i = 0; i < count; i++) {
          if (!Float.isFinite(values.getAtIndex(ValueLayout.JAVA_FLOAT, i))) {
            return Optional.of(entry.getKey());
          }
        }
      }
    }
    return Optional.empty();
  }

  private static long[] dims(Tensor tensor) {
    return Arrays.stream(tensor.shape().toArray()).asLongStream().toArray();
  }
}
