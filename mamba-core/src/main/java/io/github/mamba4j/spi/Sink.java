package io.github.mamba4j.spi;

/**
 * Where a kernel leaves a result, and whether it replaces what is there or adds to it.
 *
 * @param view the memory written
 * @param add true to add to the present contents (gradients that several uses contribute to), false
 *     to overwrite them without reading
 */
public record Sink(View view, boolean add) {}
