package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The short causal depthwise convolution before the scan, with SiLU. */
public final class CausalConv1d {
  private final Tensor weight;
  private final @Nullable Tensor bias;
  private final Derived taps;

  /**
   * Makes the layer with PyTorch's initialisation, U(±1/√width) for taps and bias.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param channels channels, positive
   * @param width taps, positive
   * @param bias true for a bias
   */
  public CausalConv1d(ParameterStore store, String name, int channels, int width, boolean bias) {
    Init init = Init.linear(width);
    Tensor stored = store.create(name + ".weight", Shape.of(channels, 1, width), init);
    this.weight = stored.reshape(Shape.of(channels, width));
    this.bias = bias ? store.create(name + ".bias", Shape.of(channels), init) : null;
    this.taps = new Derived(store, weight, Shape.of(width, channels), Tensor::transpose);
  }

  /**
   * Convolves and applies SiLU.
   *
   * @param x [batch, length, channels]
   * @param state the width − 1 inputs before x, [batch, width − 1, channels], or null for zeros
   * @return the result and the state after it
   */
  public CausalConv1dOp.Result forward(Tensor x, @Nullable Tensor state) {
    return CausalConv1dOp.withState(x, weight.in(x.scope()).transpose(), bias, state, true);
  }

  /**
   * Convolves and applies SiLU, without gradients, and moves the state on; after {@link #refresh}.
   *
   * @param x [batch, length, channels]
   * @param state the width − 1 inputs before x, [batch, width − 1, channels], overwritten by the
   *     last of x; null if the width is 1
   * @return the result
   */
  public Tensor advance(Tensor x, @Nullable Tensor state) {
    return CausalConv1dOp.advance(x, taps.value(), bias, state, true);
  }

  /**
   * Returns the taps that {@link #advance} uses, after {@link #refresh}.
   *
   * @return the oldest first, [width, channels]
   */
  Tensor taps() {
    return taps.value();
  }

  /**
   * Returns the bias.
   *
   * @return [channels], or null if there is none
   */
  @Nullable Tensor bias() {
    return bias;
  }

  /**
   * Brings what {@link #advance} uses up to date with the parameters.
   *
   * @param work where to compute
   */
  public void refresh(Scope work) {
    taps.refresh(work);
  }
}
