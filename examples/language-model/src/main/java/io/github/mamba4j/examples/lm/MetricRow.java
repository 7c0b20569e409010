package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.Evaluation;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One measurement. What does not apply to its kind is not a number.
 *
 * @param kind what was measured
 * @param epoch the epoch, from 1
 * @param step optimiser steps done
 * @param loss mean loss in nats
 * @param accuracy share of right predictions, in [0, 1]
 * @param learningRate the step's rate
 * @param gradientNorm the gradients' norm before clipping
 * @param tokensPerSecond speed of the step
 * @param elapsedSeconds time since the run began
 */
record MetricRow(
    Kind kind,
    long epoch,
    long step,
    double loss,
    double accuracy,
    double learningRate,
    double gradientNorm,
    double tokensPerSecond,
    double elapsedSeconds) {
  /** What a row is about. */
  enum Kind {
    /** The batches of one optimiser step. */
    STEP,
    /** The batches of one epoch, each before its update. */
    EPOCH,
    /** The validation data. */
    VALIDATION
  }

  /** The names of the columns, in order. */
  static final List<String> COLUMNS =
      List.of(
          "kind",
          "epoch",
          "step",
          "loss",
          "perplexity",
          "accuracy",
          "learning_rate",
          "gradient_norm",
          "tokens_per_second",
          "elapsed_seconds");

  static MetricRow of(StepMetrics metrics) {
    return new MetricRow(
        Kind.STEP,
        metrics.epoch() + 1,
        metrics.step(),
        metrics.loss(),
        metrics.accuracy(),
        metrics.learningRate(),
        metrics.gradientNorm(),
        metrics.tokensPerSecond(),
        metrics.elapsedNanos() / 1e9);
  }

  static MetricRow of(EpochMetrics metrics) {
    return measured(
        Kind.EPOCH,
        metrics.epoch() + 1,
        metrics.step(),
        metrics.training(),
        metrics.elapsedNanos() / 1e9);
  }

  static MetricRow of(TrainingListener.Validation validation, double elapsedSeconds) {
    return measured(
        Kind.VALIDATION,
        validation.epoch() + 1,
        validation.step(),
        validation.evaluation(),
        elapsedSeconds);
  }

  private static MetricRow measured(
      Kind kind, long epoch, long step, Evaluation evaluation, double elapsedSeconds) {
    return new MetricRow(
        kind,
        epoch,
        step,
        evaluation.loss(),
        evaluation.accuracy(),
        Double.NaN,
        Double.NaN,
        Double.NaN,
        elapsedSeconds);
  }

  double perplexity() {
    return Math.exp(loss);
  }

  /** Returns the numbers by column, without the kind and what is not finite. */
  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("epoch", epoch);
    map.put("step", step);
    double[] numbers = {
      loss, perplexity(), accuracy, learningRate, gradientNorm, tokensPerSecond, elapsedSeconds
    };
    for (int i = 0; i < numbers.length; i++) {
      if (Double.isFinite(numbers[i])) {
        map.put(COLUMNS.get(i + 3), numbers[i]);
      }
    }
    return map;
  }
}
