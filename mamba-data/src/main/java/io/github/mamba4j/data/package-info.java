/** From text to training windows: tokenizers, corpus loaders, splits and token files. */
@NullMarked
package io.github.mamba4j.data;

import org.jspecify.annotations.NullMarked;
