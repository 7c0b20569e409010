package io.github.mamba4j.data.tokens;

/**
 * How far the encoding of a corpus is.
 *
 * @param documents documents written so far
 * @param characters their chars
 * @param tokens their tokens
 */
public record EncodingProgress(long documents, long characters, long tokens) {}
