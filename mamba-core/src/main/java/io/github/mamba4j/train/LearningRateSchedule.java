package io.github.mamba4j.train;

import java.util.Locale;

/**
 * How the learning rate moves over a run: a factor of the peak rate as a pure function of the step.
 *
 * <p>Steps count from 0. In a warm-up of w steps, step s has the factor {@code (s + 1) / w}: step 0
 * has {@code 1/w}, not zero, and step {@code w − 1} has 1. From step w on the decay runs with
 * {@code p = (s − w) / (decaySteps − w)}, so step w has 1 again, and the final fraction is reached
 * at step decaySteps, the first one after a run of that length. Later steps keep it.
 *
 * @param decay the shape of the decay
 * @param warmupSteps steps of linear warm-up, not negative
 * @param finalFraction the factor at the end of the decay, in [0, 1]; 1 if there is none
 * @param decaySteps the step that ends the decay, warm-up included, or 0 for the length of the run
 */
public record LearningRateSchedule(
    Decay decay, long warmupSteps, double finalFraction, long decaySteps) {
  /** The shape of the decay. */
  public enum Decay {
    /** The factor stays 1. */
    CONSTANT,
    /** {@code 1 − (1 − finalFraction) · p}. */
    LINEAR,
    /** {@code finalFraction + (1 − finalFraction) · (1 + cos πp) / 2}. */
    COSINE
  }

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a number is out of its range
   */
  public LearningRateSchedule {
    if (warmupSteps < 0) {
      throw new IllegalArgumentException(
          "LearningRateSchedule: warmupSteps must not be negative, got " + warmupSteps);
    }
    if (!(finalFraction >= 0 && finalFraction <= 1)) {
      throw new IllegalArgumentException(
          "LearningRateSchedule: finalFraction must be in [0, 1], got " + finalFraction);
    }
    if (decaySteps < 0) {
      throw new IllegalArgumentException(
          "LearningRateSchedule: decaySteps must not be negative, got " + decaySteps);
    }
    if (decay == Decay.CONSTANT && (finalFraction != 1 || decaySteps != 0)) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "LearningRateSchedule: a constant rate has finalFraction 1 and decaySteps 0, got %s"
                  + " and %d",
              finalFraction,
              decaySteps));
    }
  }

  /**
   * Returns a rate that stays at its peak.
   *
   * @return the schedule, without warm-up
   */
  public static LearningRateSchedule constant() {
    return new LearningRateSchedule(Decay.CONSTANT, 0, 1, 0);
  }

  /**
   * Returns a rate that falls on a line.
   *
   * @param finalFraction the factor at the end, in [0, 1]
   * @return the schedule, without warm-up, over the whole run
   */
  public static LearningRateSchedule linear(double finalFraction) {
    return new LearningRateSchedule(Decay.LINEAR, 0, finalFraction, 0);
  }

  /**
   * Returns a rate that falls on half a cosine (Loshchilov and Hutter 2017, equation 5, without
   * restarts).
   *
   * @param finalFraction the factor at the end, in [0, 1]
   * @return the schedule, without warm-up, over the whole run
   */
  public static LearningRateSchedule cosine(double finalFraction) {
    return new LearningRateSchedule(Decay.COSINE, 0, finalFraction, 0);
  }

  /**
   * Returns this schedule with another warm-up.
   *
   * @param steps not negative
   * @return the schedule
   */
  public LearningRateSchedule withWarmup(long steps) {
    return new LearningRateSchedule(decay, steps, finalFraction, decaySteps);
  }

  /**
   * Returns this schedule with a decay of its own length, so that a run can later be made longer.
   *
   * @param steps the step that ends the decay, warm-up included, positive
   * @return the schedule
   */
  public LearningRateSchedule withDecaySteps(long steps) {
    if (steps <= 0) {
      throw new IllegalArgumentException(
          "LearningRateSchedule: decaySteps must be positive, got " + steps);
    }
    return new LearningRateSchedule(decay, warmupSteps, finalFraction, steps);
  }

  /** Returns this schedule with the run's length where it has none of its own. */
  LearningRateSchedule over(long totalSteps) {
    return decay == Decay.CONSTANT || decaySteps != 0 ? this : withDecaySteps(totalSteps);
  }

  /**
   * Returns the factor of the peak rate.
   *
   * @param step the step, from 0
   * @return the factor, in [0, 1]
   * @throws IllegalArgumentException if the step is negative
   * @throws IllegalStateException if this is a decay whose length is not known yet
   */
  public double factor(long step) {
    if (step < 0) {
      throw new IllegalArgumentException(
          "LearningRateSchedule: step must not be negative, got " + step);
    }
    if (decay != Decay.CONSTANT && decaySteps == 0) {
      throw new IllegalStateException(
          "LearningRateSchedule: the length of the decay is not known; call withDecaySteps");
    }
    if (step < warmupSteps) {
      return (step + 1.0) / warmupSteps;
    }
    double length = Math.max(1, decaySteps - warmupSteps);
    double p = Math.min(1, (step - warmupSteps) / length);
    return switch (decay) {
      case CONSTANT -> 1;
      case LINEAR -> 1 - (1 - finalFraction) * p;
      case COSINE -> finalFraction + (1 - finalFraction) * (1 + Math.cos(Math.PI * p)) / 2;
    };
  }
}
