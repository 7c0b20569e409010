package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.nn.ParameterStore;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes a model of any checkpoint: the configuration, then every parameter, nothing left over. All
 * is checked before anything is read; then what is not mapped is converted.
 */
final class ModelReader {
  private final CheckpointLayout layout;
  private final Precision precision;
  private final Map<String, TensorEntry> left;
  private final MappedWeights mapped;
  private final WeightConversion conversion = new WeightConversion();

  private ModelReader(CheckpointFile file, Precision precision) throws CheckpointException {
    this.layout = CheckpointLayout.of(file);
    this.precision = precision;
    this.left = new LinkedHashMap<>(layout.entries());
    this.mapped = new MappedWeights(file);
  }

  static MambaModel load(Path path, LoadOptions options) throws IOException {
    Device given = options.device();
    Device device = given == null ? Device.open() : given;
    CheckpointFile file = null;
    boolean complete = false;
    try {
      if (Files.notExists(path)) {
        // What a killed save had set aside.
        AtomicFiles.recoverDirectory(path);
      }
      file = CheckpointFile.open(path);
      MambaModel model = new ModelReader(file, options.precision()).read(device, given == null);
      complete = true;
      return model;
    } finally {
      if (!complete) {
        if (file != null) {
          file.close();
        }
        if (given == null) {
          device.close();
        }
      }
    }
  }

  private MambaModel read(Device device, boolean ownsDevice) throws IOException {
    MambaConfig config = layout.config();
    Scope scope = device.openScope();
    boolean complete = false;
    try {
      ParameterStore store =
          ParameterStore.from(scope, (name, shape) -> parameter(scope, name, shape));
      MambaModel model = new MambaModel(config, device, ownsDevice, store, precision, mapped);
      dropTiedHead();
      Path path = layout.file().path();
      if (!left.isEmpty()) {
        throw new CheckpointException(
            path + ": holds tensors that this model does not have: " + left.keySet());
      }
      WeightCheck.warn(path, conversion.run());
      mapped.complete();
      complete = true;
      return model;
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      if (!complete) {
        scope.close();
      }
    }
  }

  private Tensor parameter(Scope scope, String name, Shape shape) {
    try {
      TensorEntry entry = left.remove(name);
      if (entry == null) {
        throw new CheckpointException(layout.file().path() + ": tensor " + name + " is missing");
      }
      List<Long> stored = layout.storedShape(name, shape.toList());
      entry.requireShape(stored.stream().mapToLong(Long::longValue).toArray()).requireFloating();
      DType same = Precision.sameBytes(entry.type());
      CheckpointLayout.Kind kind = CheckpointLayout.kind(name);
      DType type = precision.kept(same, kind, shape.lastDim());
      boolean inFile = kind != CheckpointLayout.Kind.SMALL && precision != Precision.F32;
      if (inFile && type == same) {
        return mapped.add(scope, name, shape, type, entry.bytes());
      }
      Tensor tensor = scope.empty(shape, type);
      conversion.add(name, tensor, new ParameterValues.Stored(layout, name, entry));
      return tensor;
    } catch (CheckpointException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Some writers store a tied head although it is the embedding again. */
  private void dropTiedHead() throws CheckpointException {
    TensorEntry head = left.remove(CheckpointLayout.HEAD);
    TensorEntry embedding = layout.entries().get(CheckpointLayout.EMBEDDING);
    if (head != null && embedding != null && !same(head, embedding)) {
      throw new CheckpointException(
          layout.file().path()
              + ": tensor "
              + head.name()
              + " differs from the embedding although the configuration ties them");
    }
  }

  private static boolean same(TensorEntry head, TensorEntry embedding) {
    boolean shared =
        head.bytes().address() == embedding.bytes().address()
            && head.bytes().byteSize() == embedding.bytes().byteSize();
    return head.shape().equals(embedding.shape())
        && (shared || head.bytes().mismatch(embedding.bytes()) < 0);
  }
}
