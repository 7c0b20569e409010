package io.github.mamba4j.generate;

/**
 * One token of a generation.
 *
 * @param id the token
 * @param logProbability its natural log-probability under the model's own distribution, at most 0
 * @param text the whole characters that have become certain with this token: may be empty while a
 *     character is incomplete or could be the start of a stop string, and may then come with a
 *     later token; empty without a text side
 */
public record GeneratedToken(int id, double logProbability, String text) {}
