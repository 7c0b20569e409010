/**
 * Tensors, the operations on them, and their gradients.
 *
 * <p>A {@link io.github.mamba4j.tensor.Device} runs kernels. A {@link
 * io.github.mamba4j.tensor.Scope} owns memory on it; every tensor belongs to a scope and ends with
 * it. Each operation is one file ({@code …Op}) that holds its equation, its shape rules, its
 * forward and its backward pass. Arithmetic is in 32-bit floats; weights may be kept in fewer bits,
 * or lie in memory of others ({@link io.github.mamba4j.tensor.Scope#map}).
 */
@NullMarked
package io.github.mamba4j.tensor;

import org.jspecify.annotations.NullMarked;
