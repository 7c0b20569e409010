package io.github.mamba4j.model;

import io.github.mamba4j.nn.ParameterStore;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;

/** Makes a model of another one, with its weights kept in another precision. */
final class ModelCopy {
  private ModelCopy() {}

  static MambaModel of(MambaModel model, Precision precision) {
    WeightConversion conversion = new WeightConversion();
    Scope scope = model.device().openScope();
    boolean complete = false;
    try {
      ParameterStore store =
          ParameterStore.from(
              scope,
              (name, shape) -> {
                Tensor from = Objects.requireNonNull(model.parameters().get(name));
                CheckpointLayout.Kind kind = CheckpointLayout.kind(name);
                DType type = precision.kept(from.dtype(), kind, shape.lastDim());
                Tensor to = scope.empty(shape, type);
                conversion.add(name, to, ParameterValues.Copied.of(from));
                return to;
              });
      MambaModel copy =
          new MambaModel(model.config(), model.device(), false, store, precision, null);
      conversion.run();
      complete = true;
      return copy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      if (!complete) {
        scope.close();
      }
    }
  }
}
