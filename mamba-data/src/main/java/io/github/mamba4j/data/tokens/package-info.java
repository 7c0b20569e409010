/** Token files: a corpus as memory-mapped token ids, cut into windows for training. */
@NullMarked
package io.github.mamba4j.data.tokens;

import org.jspecify.annotations.NullMarked;
