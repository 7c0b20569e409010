/** Tests of the checkpoint formats. */
@NullMarked
package io.github.mamba4j.checkpoint;

import org.jspecify.annotations.NullMarked;
