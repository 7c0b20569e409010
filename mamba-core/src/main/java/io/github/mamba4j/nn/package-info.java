/**
 * Layers: named parameters and a forward pass that reads like the paper.
 *
 * <p>A layer takes its parameters from a {@link io.github.mamba4j.nn.ParameterStore} under
 * upstream's names, so that a checkpoint's keys are the layers' own. Layers hold no state of a run;
 * states go in and come out of {@code forward}.
 */
@NullMarked
package io.github.mamba4j.nn;

import org.jspecify.annotations.NullMarked;
