package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * A parameter once more in {@link DType#BF16}, as products with rows of that type read it: kept
 * equal by whatever writes the parameter, so that a training step rounds no weights. {@link Tensor}
 * writes it after each of its own changes, {@link AdamWOp#update} along with the parameter.
 *
 * <p>An update that was launched without the copy may be repeated at any time and would leave it
 * behind; from then on there is none.
 */
final class RoundedCopy {
  private final Tensor parameter;
  private @Nullable Tensor copy;
  private boolean refused;

  RoundedCopy(Tensor parameter) {
    this.parameter = parameter;
  }

  /**
   * Returns a tensor's copy for work in a scope. It is made for scopes that record gradients, and
   * at hand in the others.
   *
   * @param scope where the copy is read
   * @param tensor what is to be rounded
   * @param type to which type
   * @return the copy, or null if the tensor is no whole parameter or keeps none of the type
   */
  static @Nullable Tensor of(Scope scope, Tensor tensor, DType type) {
    Tensor parameter = tensor.base();
    RoundedCopy rounded = parameter.rounded();
    boolean whole = tensor.shape().equals(parameter.shape());
    if (rounded == null || !whole || type != DType.BF16) {
      return null;
    }
    if (rounded.copy == null && !rounded.refused && scope.recordsGradients()) {
      rounded.copy = rounded.made();
    }
    return rounded.copy;
  }

  /** Returns where an update writes a parameter's copy, null if there is none, now and for good. */
  static @Nullable View updated(Tensor parameter) {
    RoundedCopy rounded = parameter.rounded();
    if (rounded != null && rounded.copy == null) {
      rounded.refused = true;
    }
    return rounded == null ? null : Tensor.viewOf(rounded.copy);
  }

  /** Rounds the parameter again after a change. */
  void refresh() {
    if (copy != null) {
      parameter.scope().copy(parameter.view(), copy.view(), parameter.rows(), parameter.cols());
    }
  }

  /** Not launched by the scope: a recording that reads the copy need not make it again. */
  private Tensor made() {
    Tensor made = parameter.scope().empty(parameter.shape(), DType.BF16);
    Sink sink = new Sink(made.view(), false);
    int rows = parameter.rows();
    ElementwiseKernels.Scale args =
        new ElementwiseKernels.Scale(rows, parameter.cols(), 1f, null, parameter.view(), sink);
    parameter.scope().backend().elementwise().scale(args);
    return made;
  }
}
