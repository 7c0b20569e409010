package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.LinearOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** A linear map of each row, {@code x · Wᵀ + b}, with W stored [out, in]. */
public final class Linear {
  private final Tensor weight;
  private final @Nullable Tensor bias;

  /**
   * Makes the layer with PyTorch's initialisation and zero bias.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param in inputs, positive
   * @param out outputs, positive
   * @param bias true for a bias
   */
  public Linear(ParameterStore store, String name, int in, int out, boolean bias) {
    this(store, name, in, out, bias ? Init.constant(0) : null, Init.linear(in));
  }

  /**
   * Makes the layer.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param in inputs, positive
   * @param out outputs, positive
   * @param biasInit first values of the bias, or null for no bias
   * @param weightInit first values of the weight
   */
  public Linear(
      ParameterStore store,
      String name,
      int in,
      int out,
      @Nullable Init biasInit,
      Init weightInit) {
    weight = store.create(name + ".weight", Shape.of(out, in), weightInit);
    bias = biasInit == null ? null : store.create(name + ".bias", Shape.of(out), biasInit);
  }

  /**
   * Maps each row.
   *
   * @param x [..., in]
   * @return [..., out]
   */
  public Tensor forward(Tensor x) {
    return LinearOp.apply(x, weight, bias);
  }

  /**
   * Maps each row without adding the bias.
   *
   * @param x [..., in]
   * @return [..., out]
   */
  public Tensor forwardWithoutBias(Tensor x) {
    return LinearOp.apply(x, weight, null);
  }

  /**
   * Returns the weight.
   *
   * @return [out, in]
   */
  public Tensor weight() {
    return weight;
  }

  /**
   * Returns the bias.
   *
   * @return [out], or null if there is none
   */
  public @Nullable Tensor bias() {
    return bias;
  }
}
