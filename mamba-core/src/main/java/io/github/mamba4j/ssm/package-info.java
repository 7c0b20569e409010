/**
 * Continuous-time state-space theory: linear systems, their discretisation and the two ways to run
 * them.
 *
 * <p>A {@link io.github.mamba4j.ssm.StateSpace} is the system {@code x'(t) = A·x(t) + B·u(t), y(t)
 * = C·x(t) + D·u(t)}. {@link io.github.mamba4j.ssm.Discretization} turns it, for a step size Δ,
 * into a {@link io.github.mamba4j.ssm.DiscreteStateSpace}, which runs either as a recurrence or as
 * a convolution with its kernel. {@link io.github.mamba4j.ssm.Hippo} and {@link
 * io.github.mamba4j.ssm.S4d} hold the published initial systems. All arithmetic is float64; the
 * trained models of this library do not depend on this package, it explains and checks them.
 *
 * <p>Sources: Gu, Goel and Ré, "Efficiently modeling long sequences with structured state spaces"
 * (arXiv 2111.00396); Gu, Gupta, Goel and Ré, "On the parameterization and initialization of
 * diagonal state space models" (arXiv 2206.11893); Gu and Dao, "Mamba" (arXiv 2312.00752).
 */
@NullMarked
package io.github.mamba4j.ssm;

import org.jspecify.annotations.NullMarked;
