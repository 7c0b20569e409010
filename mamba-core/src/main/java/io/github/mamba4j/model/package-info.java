/**
 * Whole models: configuration, building, loading, saving, and the states of running sequences,
 * alone and together.
 *
 * <p>Start with {@link io.github.mamba4j.model.MambaModel#builder()} or {@link
 * io.github.mamba4j.model.MambaModel#load(java.nio.file.Path)}; {@link
 * io.github.mamba4j.model.Precision} says how the weights of a loaded model are kept.
 */
@NullMarked
package io.github.mamba4j.model;

import org.jspecify.annotations.NullMarked;
