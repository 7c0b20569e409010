/**
 * Whole models: configuration, building, loading, saving, and the states of running sequences,
 * alone and together.
 *
 * <p>Start with {@link io.github.mamba4j.model.MambaModel#builder()}.
 */
@NullMarked
package io.github.mamba4j.model;

import org.jspecify.annotations.NullMarked;
