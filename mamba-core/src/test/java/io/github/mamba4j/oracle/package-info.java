/**
 * The oracle: every op of the library once more in float64, straight from the equations.
 *
 * <p>Plain arrays in row-major order, plain loops, no code shared with the library. Tests compare
 * kernels, ops and models with it, and take gradients from it by {@link
 * io.github.mamba4j.oracle.FiniteDifference}. {@link io.github.mamba4j.oracle.GoldenVectors} holds
 * published numbers that the oracle itself has to reproduce.
 */
@NullMarked
package io.github.mamba4j.oracle;

import org.jspecify.annotations.NullMarked;
