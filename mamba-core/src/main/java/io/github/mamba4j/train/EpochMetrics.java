package io.github.mamba4j.train;

import java.util.Optional;

/**
 * What is known after a whole epoch.
 *
 * @param epoch the epoch, from 0
 * @param step steps done since the run began
 * @param training loss and accuracy over the epoch's batches, each measured before its update
 * @param validation the measurement at the end of the epoch, empty without validation data
 * @param elapsedNanos time of the run so far in nanoseconds, earlier parts of a resumed run
 *     included
 */
public record EpochMetrics(
    long epoch,
    long step,
    Evaluation training,
    Optional<Evaluation> validation,
    long elapsedNanos) {}
