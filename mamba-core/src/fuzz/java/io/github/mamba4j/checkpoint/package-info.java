/** Fuzz tests of the file readers, run by the profile {@code fuzz}. */
@NullMarked
package io.github.mamba4j.checkpoint;

import org.jspecify.annotations.NullMarked;
