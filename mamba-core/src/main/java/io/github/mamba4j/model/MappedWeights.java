package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The open checkpoint in which parameters of a model lie, and the check that runs over them. */
final class MappedWeights implements AutoCloseable {
  private final CheckpointFile file;
  private final List<WeightCheck.Weights> weights = new ArrayList<>();
  private @Nullable WeightCheck check;

  /**
   * Starts with no parameter.
   *
   * @param file the checkpoint, closed with this
   */
  MappedWeights(CheckpointFile file) {
    this.file = file;
  }

  /** Makes a parameter of bytes of the file, without copying them. */
  Tensor add(Scope scope, String name, Shape shape, DType type, MemorySegment bytes) {
    weights.add(new WeightCheck.Weights(name, type, bytes));
    return scope.map(shape, type, bytes);
  }

  /** Starts the check; lets go of the file if nothing in it is needed. */
  void complete() {
    if (weights.isEmpty()) {
      file.close();
    } else {
      check = WeightCheck.start(file.path(), weights);
    }
  }

  /** Waits for the check. */
  void awaitCheck() {
    if (check != null) {
      check.await();
    }
  }

  /** Ends the check, which reads the file; to be called before the parameters go. */
  void stopCheck() {
    if (check != null) {
      check.stop();
    }
  }

  /** Unmaps the file; to be called after the parameters are gone. */
  @Override
  public void close() {
    file.close();
  }
}
