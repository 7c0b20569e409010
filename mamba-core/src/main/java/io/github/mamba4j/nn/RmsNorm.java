package io.github.mamba4j.nn;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.RmsNormOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;

/** Root-mean-square normalisation with a weight a channel (Zhang and Sennrich 2019). */
public final class RmsNorm {
  private final Tensor weight;
  private final float eps;

  /**
   * Makes the layer with weights of one.
   *
   * @param store where its parameter is made
   * @param name prefix of its name
   * @param width channels, positive
   * @param eps added to the mean square, positive
   */
  public RmsNorm(ParameterStore store, String name, int width, float eps) {
    weight = store.create(name + ".weight", Shape.of(width), Init.constant(1));
    this.eps = eps;
  }

  /** Returns the weight, [width]. */
  Tensor weight() {
    return weight;
  }

  /** Returns what is added to the mean square. */
  float eps() {
    return eps;
  }

  /**
   * Normalises each row.
   *
   * @param x [..., width]
   * @return [..., width]
   */
  public Tensor forward(Tensor x) {
    return RmsNormOp.apply(x, weight, eps);
  }

  /**
   * Normalises each row, with a result of a type of its own.
   *
   * @param x [..., width]
   * @param type the result's: F32, or one that the device computes in
   * @return [..., width]
   */
  public Tensor forward(Tensor x, DType type) {
    return RmsNormOp.apply(x, weight, eps, type);
  }

  /**
   * Adds a residual and normalises each row of the sum.
   *
   * @param x [..., width]
   * @param residual [..., width]
   * @return the normalised sum and the sum
   */
  public RmsNormOp.Result forward(Tensor x, Tensor residual) {
    return RmsNormOp.withResidual(x, residual, weight, eps);
  }
}
