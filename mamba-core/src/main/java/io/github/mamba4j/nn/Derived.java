package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;

/**
 * What inference computes from a parameter when the parameter has changed, and not at every token.
 * Several threads may refresh and read it, as long as none changes the parameter.
 */
final class Derived {
  private final Tensor parameter;
  private final Tensor value;
  private final UnaryOperator<Tensor> formula;
  private OptionalLong version = OptionalLong.empty();

  /**
   * Makes it; it has no value before the first {@link #refresh}.
   *
   * @param store where the value is kept
   * @param parameter the parameter
   * @param shape shape of the value
   * @param formula computes the value from the parameter
   */
  Derived(ParameterStore store, Tensor parameter, Shape shape, UnaryOperator<Tensor> formula) {
    this.parameter = parameter;
    this.formula = formula;
    value = store.scope().empty(shape);
  }

  /** Returns the value, the same tensor each time. */
  Tensor value() {
    return value;
  }

  /**
   * Computes the value if the parameter may be another one than the last time.
   *
   * @param work where to compute
   */
  synchronized void refresh(Scope work) {
    if (!parameter.mayHaveChanged(version)) {
      return;
    }
    OptionalLong now = parameter.version();
    try (Scope inner = work.openChild()) {
      value.copyFrom(formula.apply(parameter.in(inner)));
    }
    version = now;
  }
}
