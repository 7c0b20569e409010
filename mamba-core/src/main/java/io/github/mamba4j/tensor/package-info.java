/**
 * Tensors: their shapes, element types and devices, the differentiable operations on them, and the
 * tape that records those operations.
 */
@NullMarked
package io.github.mamba4j.tensor;

import org.jspecify.annotations.NullMarked;
