package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/** The causal depthwise convolution over time, with or without SiLU. */
public interface ConvKernels {
  /**
   * The sizes of a convolution.
   *
   * @param batch sequences, positive
   * @param length time steps, positive
   * @param channels independent channels, positive
   * @param width taps, positive; the last one meets the current step
   * @param silu true if SiLU follows
   */
  record Shape(int batch, int length, int channels, int width, boolean silu) {}

  /**
   * What a convolution reads.
   *
   * @param x input, [batch, length, channels]
   * @param taps [width, channels], the oldest first
   * @param bias [channels], or null
   * @param initialState the width − 1 inputs before the first step, oldest first, [batch, width −
   *     1, channels], or null for zeros
   */
  record Inputs(View x, View taps, @Nullable View bias, @Nullable View initialState) {}

  /**
   * A forward convolution.
   *
   * @param shape the sizes
   * @param inputs what is read
   * @param out result, [batch, length, channels], overwritten
   * @param finalState the last width − 1 inputs, [batch, width − 1, channels], overwritten, or
   *     null; may be the same memory as the initial state
   */
  record Forward(Shape shape, Inputs inputs, View out, @Nullable View finalState) {}

  /**
   * A backward convolution. Null sinks are not wanted.
   *
   * @param shape the sizes
   * @param inputs what the forward convolution read
   * @param outGrad gradient of its result, [batch, length, channels]
   * @param finalStateGrad gradient of its final state, or null for zero
   * @param xGrad [batch, length, channels]
   * @param tapsGrad [width, channels]
   * @param biasGrad [channels]
   * @param initialStateGrad [batch, width − 1, channels]
   * @param workspace {@link #backwardWorkspaceFloats} floats of scratch
   */
  record Backward(
      Shape shape,
      Inputs inputs,
      View outGrad,
      @Nullable View finalStateGrad,
      @Nullable Sink xGrad,
      @Nullable Sink tapsGrad,
      @Nullable Sink biasGrad,
      @Nullable Sink initialStateGrad,
      View workspace) {}

  /**
   * Returns the scratch that a backward convolution needs.
   *
   * @param shape the sizes
   * @return number of floats, may be zero
   */
  long backwardWorkspaceFloats(Shape shape);

  /**
   * Computes {@code out_t = f(bias + Σ_j taps_j · x_{t−(width−1)+j})}.
   *
   * @param conv what to compute
   */
  void forward(Forward conv);

  /**
   * Computes the gradients of a convolution.
   *
   * @param conv what to compute
   */
  void backward(Backward conv);
}
