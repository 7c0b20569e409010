/** Training: batches in, a better model out. */
@NullMarked
package io.github.mamba4j.train;

import org.jspecify.annotations.NullMarked;
