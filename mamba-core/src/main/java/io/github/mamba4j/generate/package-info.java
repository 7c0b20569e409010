/** Token ids in, token ids out: sampling, stop conditions and streaming. */
@NullMarked
package io.github.mamba4j.generate;

import org.jspecify.annotations.NullMarked;
