/**
 * Whole models: configuration, building, loading, saving, and the state of a running sequence.
 *
 * <p>Start with {@link io.github.mamba4j.model.MambaModel#builder()}.
 */
@NullMarked
package io.github.mamba4j.model;

import org.jspecify.annotations.NullMarked;
