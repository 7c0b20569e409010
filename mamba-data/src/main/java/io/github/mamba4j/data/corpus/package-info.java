/** Corpora: documents streamed from text, Python and CSV files, their languages and their split. */
@NullMarked
package io.github.mamba4j.data.corpus;

import org.jspecify.annotations.NullMarked;
