/** JMH benchmarks of the library and of the ceilings that the machine sets. */
@NullMarked
package io.github.mamba4j.bench;

import org.jspecify.annotations.NullMarked;
