package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a Mamba mixer carries from one token to the next.
 *
 * @param conv the last dConv − 1 inputs of the convolution, oldest first, [batch, dConv − 1,
 *     convChannels]; null if dConv is 1
 * @param ssm the state h of the scan, [batch, dState, dInner]
 */
public record MixerState(@Nullable Tensor conv, Tensor ssm) {
  /** Copies this state into a scope; no gradient flows through the copy. */
  MixerState keptIn(Scope scope) {
    return new MixerState(conv == null ? null : scope.keep(conv), scope.keep(ssm));
  }

  /** Makes this state what another one of the same sizes is; no gradient flows through. */
  void copyFrom(MixerState other) {
    if (conv != null) {
      conv.copyFrom(Objects.requireNonNull(other.conv));
    }
    ssm.copyFrom(other.ssm);
  }
}
