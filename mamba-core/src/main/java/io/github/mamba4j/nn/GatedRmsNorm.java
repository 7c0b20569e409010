package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.GatedRmsNormOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;

/** Root-mean-square normalisation in groups of channels with a gate (Dao and Gu 2024). */
public final class GatedRmsNorm {
  private final Tensor weight;
  private final int groups;
  private final float eps;
  private final boolean gateFirst;

  /**
   * Makes the layer with weights of one.
   *
   * @param store where its parameter is made
   * @param name prefix of its name
   * @param width channels, positive
   * @param groups groups of contiguous channels, each normalised on its own, divides the width
   * @param eps added to the mean square, positive
   * @param gateFirst true to normalise what was gated, false to gate what was normalised
   */
  public GatedRmsNorm(
      ParameterStore store, String name, int width, int groups, float eps, boolean gateFirst) {
    weight = store.create(name + ".weight", Shape.of(width), Init.constant(1));
    this.groups = groups;
    this.eps = eps;
    this.gateFirst = gateFirst;
  }

  /**
   * Gates and normalises each row.
   *
   * @param x [..., width]
   * @param z gate before SiLU, [..., width]
   * @return [..., width]
   */
  public Tensor forward(Tensor x, Tensor z) {
    return GatedRmsNormOp.apply(x, z, weight, groups, eps, gateFirst);
  }
}
