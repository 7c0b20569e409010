/** Short programs that each show one use of the library. */
@NullMarked
package io.github.mamba4j.examples.quickstart;

import org.jspecify.annotations.NullMarked;
