/** Mamba4J and other implementations side by side on the same files. */
@NullMarked
package io.github.mamba4j.bench.peers;

import org.jspecify.annotations.NullMarked;
