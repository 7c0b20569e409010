/**
 * Tensors, the operations on them, and their gradients.
 *
 * <p>A {@link io.github.mamba4j.tensor.Device} runs kernels. A {@link
 * io.github.mamba4j.tensor.Scope} owns memory on it; every tensor belongs to a scope and ends with
 * it. Each operation is one file ({@code …Op}) that holds its equation, its shape rules, its
 * forward and its backward pass.
 */
@NullMarked
package io.github.mamba4j.tensor;

import org.jspecify.annotations.NullMarked;
