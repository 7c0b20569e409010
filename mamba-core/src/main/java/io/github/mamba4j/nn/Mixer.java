package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** What mixes a sequence over time inside a residual block. */
public sealed interface Mixer permits Mamba1Mixer, Mamba2Mixer {
  /**
   * What a mixer gives.
   *
   * @param out [batch, length, dModel]
   * @param state what to carry on with
   */
  record Result(Tensor out, MixerState state) {}

  /**
   * Mixes a sequence over time.
   *
   * @param hidden [batch, length, dModel]
   * @param state what an earlier piece of the sequence left, or null for its start
   * @return the result and what to carry on with
   */
  Result forward(Tensor hidden, @Nullable MixerState state);

  /**
   * Mixes a piece of running sequences over time, without gradients, and moves their state on;
   * after {@link #refresh}.
   *
   * @param hidden [batch, length, dModel]
   * @param state what the sequences have left so far, overwritten by what they leave now
   * @return [batch, length, dModel]
   * @throws IllegalStateException if gradients are recorded
   */
  Tensor advance(Tensor hidden, MixerState state);

  /**
   * Brings what {@link #advance} uses, and what a recording of it will use, up to date with the
   * parameters. Costs next to nothing if they have not changed.
   *
   * @param work where to compute
   */
  void refresh(Scope work);
}
