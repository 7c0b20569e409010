/** Tests of sampling, stop strings and the assembly of text. */
@NullMarked
package io.github.mamba4j.generate;

import org.jspecify.annotations.NullMarked;
