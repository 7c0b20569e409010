/** Benchmarks of mamba-data. */
@NullMarked
package io.github.mamba4j.bench.data;

import org.jspecify.annotations.NullMarked;
