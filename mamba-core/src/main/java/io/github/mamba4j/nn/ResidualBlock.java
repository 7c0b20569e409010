package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.RmsNormOp;
import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One layer of the backbone: {@code residual += hidden; hidden = mixer(norm(residual))}, the Add →
 * Norm → Mixer order of state-spaces/mamba's {@code Block}.
 */
public final class ResidualBlock {
  /**
   * What a block gives.
   *
   * @param hidden the mixer's output, to be added to the residual by what follows
   * @param residual the residual stream before this block's mixer
   * @param state what the mixer carries on with
   */
  public record Result(Tensor hidden, Tensor residual, MixerState state) {}

  private final RmsNorm norm;
  private final Mixer mixer;

  /**
   * Makes the block.
   *
   * @param norm its normalisation
   * @param mixer its mixer
   */
  public ResidualBlock(RmsNorm norm, Mixer mixer) {
    this.norm = norm;
    this.mixer = mixer;
  }

  /**
   * Runs the block.
   *
   * @param hidden output of the block before, or the embeddings, [batch, length, dModel]
   * @param residual residual stream before that output was added, or null in the first block
   * @param state what an earlier piece of the sequence left, or null for its start
   * @return the result
   */
  public Result forward(Tensor hidden, @Nullable Tensor residual, @Nullable MixerState state) {
    if (residual == null) {
      Mixer.Result mixed = mixer.forward(norm.forward(hidden), state);
      return new Result(mixed.out(), hidden, mixed.state());
    }
    RmsNormOp.Result normed = norm.forward(hidden, residual);
    Mixer.Result mixed = mixer.forward(normed.out(), state);
    return new Result(mixed.out(), normed.sum(), mixed.state());
  }
}
