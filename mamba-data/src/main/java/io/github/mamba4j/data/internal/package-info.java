/** What the data packages share and nobody else sees. */
@NullMarked
package io.github.mamba4j.data.internal;

import org.jspecify.annotations.NullMarked;
