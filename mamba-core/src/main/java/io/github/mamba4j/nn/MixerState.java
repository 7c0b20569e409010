package io.github.mamba4j.nn;

import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a Mamba mixer carries from one token to the next.
 *
 * @param conv the last dConv − 1 inputs of the convolution, oldest first, [batch, dConv − 1,
 *     convChannels]; null if dConv is 1
 * @param ssm the state h of the scan, [batch, dState, dInner]
 */
public record MixerState(@Nullable Tensor conv, Tensor ssm) {}
