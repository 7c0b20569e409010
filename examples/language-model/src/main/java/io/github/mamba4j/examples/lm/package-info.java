/** The {@code mamba} command: trains, evaluates and samples language models. */
@NullMarked
package io.github.mamba4j.examples.lm;

import org.jspecify.annotations.NullMarked;
