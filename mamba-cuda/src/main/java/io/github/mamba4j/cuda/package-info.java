/** PTX kernels and what loads them. */
@NullMarked
package io.github.mamba4j.cuda;

import org.jspecify.annotations.NullMarked;
