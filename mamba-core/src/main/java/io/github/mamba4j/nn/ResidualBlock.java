package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.RmsNormOp;
import io.github.mamba4j.tensor.Scope;
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
   */
  public record Result(Tensor hidden, Tensor residual) {}

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
   * Runs the block over whole sequences.
   *
   * @param hidden output of the block before, or the embeddings, [batch, length, dModel]
   * @param residual residual stream before that output was added, or null in the first block
   * @return the result
   */
  public Result forward(Tensor hidden, @Nullable Tensor residual) {
    RmsNormOp.Result normed = normalise(hidden, residual);
    return new Result(mixer.forward(normed.out(), null).out(), normed.sum());
  }

  /**
   * Runs the block over a piece of running sequences and moves their state on. Gradients end at the
   * piece's beginning: the state before it counts as a constant.
   *
   * @param hidden output of the block before, or the embeddings, [batch, length, dModel]
   * @param residual residual stream before that output was added, or null in the first block
   * @param state what the sequences have left so far, overwritten by what they leave now
   * @return the result
   */
  public Result forward(Tensor hidden, @Nullable Tensor residual, MixerState state) {
    RmsNormOp.Result normed = normalise(hidden, residual);
    // The backward pass reads the state before the piece, which is overwritten by then.
    Mixer.Result mixed = mixer.forward(normed.out(), state.keptIn(hidden.scope()));
    state.copyFrom(mixed.state());
    return new Result(mixed.out(), normed.sum());
  }

  /**
   * Runs the block over a piece of running sequences, without gradients, and moves their state on;
   * after {@link #refresh}.
   *
   * @param hidden output of the block before, or the embeddings, [batch, length, dModel]
   * @param residual residual stream before that output was added, or null in the first block
   * @param state what the sequences have left so far, overwritten by what they leave now
   * @return the result
   */
  public Result advance(Tensor hidden, @Nullable Tensor residual, MixerState state) {
    RmsNormOp.Result normed = normalise(hidden, residual);
    return new Result(mixer.advance(normed.out(), state), normed.sum());
  }

  /** Returns the normalisation. */
  RmsNorm norm() {
    return norm;
  }

  /** Returns the mixer. */
  Mixer mixer() {
    return mixer;
  }

  /**
   * Brings what {@link #advance} uses up to date with the parameters.
   *
   * @param work where to compute
   */
  public void refresh(Scope work) {
    mixer.refresh(work);
  }

  private RmsNormOp.Result normalise(Tensor hidden, @Nullable Tensor residual) {
    return residual == null
        ? new RmsNormOp.Result(norm.forward(hidden), hidden)
        : norm.forward(hidden, residual);
  }
}
