package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/**
 * Root-mean-square normalisation of rows: with the residual addition that precedes it, or in groups
 * of columns and with a gate.
 */
public interface NormKernels {
  /**
   * A forward normalisation {@code s = x + residual; out = s · (mean(s²) + eps)^(−1/2) · weight}.
   *
   * @param rows rows
   * @param width elements a row
   * @param eps added to the mean square, not negative
   * @param x [rows, width]
   * @param residual [rows, width], or null for none
   * @param weight [width]
   * @param out result, [rows, width], overwritten
   * @param sum where s goes, [rows, width], or null if not wanted (then residual is null or unused
   *     later); may be the memory of the residual
   * @param scale where the reciprocal root of each row goes, [rows], or null if not wanted
   */
  record Forward(
      int rows,
      int width,
      float eps,
      View x,
      @Nullable View residual,
      View weight,
      View out,
      @Nullable View sum,
      @Nullable View scale) {}

  /**
   * A backward normalisation.
   *
   * @param rows rows
   * @param width elements a row
   * @param sum s of the forward pass, [rows, width]
   * @param weight [width]
   * @param scale what the forward pass wrote, [rows]
   * @param outGrad gradient of the result, [rows, width]
   * @param sumGrad gradient that reaches s from elsewhere, [rows, width], added to the result, or
   *     null for none
   * @param xGrad gradient of s (and so of x and of the residual), [rows, width], or null if not
   *     wanted; may be the memory of sumGrad
   * @param rounded where what xGrad becomes goes once more, [rows, width], of a type that the
   *     device computes in, overwritten: the gradient of an x of fewer bits than s; null if not
   *     wanted
   * @param weightGrad [width], or null if not wanted
   * @param workspace {@link #backwardWorkspaceFloats} floats of scratch
   */
  record Backward(
      int rows,
      int width,
      View sum,
      View weight,
      View scale,
      View outGrad,
      @Nullable View sumGrad,
      @Nullable Sink xGrad,
      @Nullable View rounded,
      @Nullable Sink weightGrad,
      View workspace) {}

  /**
   * Returns the scratch that a backward normalisation needs.
   *
   * @param rows rows
   * @param width elements a row
   * @return number of floats, may be zero
   */
  long backwardWorkspaceFloats(int rows, int width);

  /**
   * Normalises rows.
   *
   * @param norm what to compute
   */
  void forward(Forward norm);

  /**
   * Computes the gradients of a normalisation.
   *
   * @param norm what to compute
   */
  void backward(Backward norm);

  /**
   * The sizes and switches of a gated normalisation, with each group of columns normalised on its
   * own: {@code out = norm(x∘silu(z))·weight}, or {@code out = norm(x)·weight∘silu(z)}.
   *
   * @param rows rows
   * @param width elements a row
   * @param groups groups of {@code width / groups} columns, divides the width
   * @param eps added to the mean square, not negative
   * @param gateFirst true to gate what is normalised, false to gate the result
   */
  record GatedShape(int rows, int width, int groups, float eps, boolean gateFirst) {}

  /**
   * A forward gated normalisation.
   *
   * @param shape sizes and switches
   * @param x [rows, width]
   * @param z gate before SiLU, [rows, width]
   * @param weight [width]
   * @param out result, [rows, width], overwritten; may be the memory of x if scale is null
   * @param scale where the reciprocal roots go, [rows · groups], or null if not wanted
   */
  record GatedForward(
      GatedShape shape, View x, View z, View weight, View out, @Nullable View scale) {}

  /**
   * A backward gated normalisation. Null sinks are not wanted.
   *
   * @param shape sizes and switches
   * @param x [rows, width]
   * @param z [rows, width]
   * @param weight [width]
   * @param scale what the forward pass wrote, [rows · groups]
   * @param outGrad gradient of the result, [rows, width]
   * @param xGrad [rows, width]
   * @param zGrad [rows, width]
   * @param weightGrad [width]
   * @param workspace {@link #gatedBackwardWorkspaceFloats} floats of scratch
   */
  record GatedBackward(
      GatedShape shape,
      View x,
      View z,
      View weight,
      View scale,
      View outGrad,
      @Nullable Sink xGrad,
      @Nullable Sink zGrad,
      @Nullable Sink weightGrad,
      View workspace) {}

  /**
   * Returns the scratch that a backward gated normalisation needs.
   *
   * @param shape the sizes
   * @return number of floats, may be zero
   */
  long gatedBackwardWorkspaceFloats(GatedShape shape);

  /**
   * Normalises groups of columns with a gate.
   *
   * @param norm what to compute
   */
  void gatedForward(GatedForward norm);

  /**
   * Computes the gradients of a gated normalisation.
   *
   * @param norm what to compute
   */
  void gatedBackward(GatedBackward norm);
}
