/**
 * Tokenizers: bytes, Unicode characters and byte-level BPE, and the trainer of the last.
 *
 * <p>Text that is encoded has to be well-formed: a {@code null} is refused with a {@link
 * NullPointerException}, an unpaired surrogate (which has no UTF-8 form) with an {@link
 * IllegalArgumentException} that names its index. Everything else round-trips: decoding what was
 * encoded gives the same text, unless a normalizer or an unknown character of a {@link
 * io.github.mamba4j.data.tokenizer.CharTokenizer} stands between.
 */
@NullMarked
package io.github.mamba4j.data.tokenizer;

import org.jspecify.annotations.NullMarked;
