package io.github.mamba4j.train;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.JsonObject;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where a run is: all that changes from step to step beside parameters and moments. */
final class TrainingProgress {
  private long step;
  private long trainedNanos;
  private double lastLoss = Double.NaN;
  private double epochLossSum;
  private double epochHits;
  private long epochTargets;
  private double bestLoss = Double.POSITIVE_INFINITY;
  private long bestStep;
  private double patienceLoss = Double.POSITIVE_INFINITY;
  private long withoutGain;
  private @Nullable Evaluation validation;

  long step() {
    return step;
  }

  long trainedNanos() {
    return trainedNanos;
  }

  void setTrainedNanos(long nanos) {
    trainedNanos = nanos;
  }

  double lastLoss() {
    return lastLoss;
  }

  /** Measurements in a row whose loss did not fall by more than the smallest gain. */
  long withoutGain() {
    return withoutGain;
  }

  Optional<Evaluation> validation() {
    return Optional.ofNullable(validation);
  }

  Optional<TrainingResult.Best> best() {
    return Double.isInfinite(bestLoss)
        ? Optional.empty()
        : Optional.of(new TrainingResult.Best(bestLoss, bestStep));
  }

  /** Counts a step that was applied. */
  void stepDone(TrainingStep done) {
    step++;
    lastLoss = done.loss();
    epochLossSum += done.lossSum();
    epochHits += done.hits();
    epochTargets += done.targets();
  }

  /** Takes in a measurement and returns whether it is the best so far. */
  boolean validated(Evaluation evaluation, double minDelta) {
    validation = evaluation;
    if (evaluation.loss() < patienceLoss - minDelta) {
      patienceLoss = evaluation.loss();
      withoutGain = 0;
    } else {
      withoutGain++;
    }
    boolean best = evaluation.loss() < bestLoss;
    if (best) {
      bestLoss = evaluation.loss();
      bestStep = step;
    }
    return best;
  }

  /** Returns the means of the epoch so far and starts the next one. */
  Evaluation epochDone() {
    long counted = Math.max(1, epochTargets);
    Evaluation mean = new Evaluation(epochLossSum / counted, epochHits / counted, epochTargets);
    epochLossSum = 0;
    epochHits = 0;
    epochTargets = 0;
    return mean;
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("step", step);
    json.put("trainedNanos", trainedNanos);
    json.put("lastLoss", lastLoss);
    json.put("epochLossSum", epochLossSum);
    json.put("epochHits", epochHits);
    json.put("epochTargets", epochTargets);
    json.put("bestLoss", bestLoss);
    json.put("bestStep", bestStep);
    json.put("patienceLoss", patienceLoss);
    json.put("withoutGain", withoutGain);
    Evaluation last = validation;
    if (last != null) {
      Map<String, Object> evaluation = new LinkedHashMap<>();
      evaluation.put("loss", last.loss());
      evaluation.put("accuracy", last.accuracy());
      evaluation.put("targets", last.targets());
      json.put("validation", evaluation);
    }
    return json;
  }

  /** Takes over what {@link #toJson} wrote; unchanged if a member is missing. */
  void restore(Path source, JsonObject json) throws CheckpointException {
    TrainingProgress read = new TrainingProgress();
    read.step = count(source, json, "step");
    read.trainedNanos = count(source, json, "trainedNanos");
    read.lastLoss = json.requireDouble("lastLoss");
    read.epochLossSum = json.requireDouble("epochLossSum");
    read.epochHits = json.requireDouble("epochHits");
    read.epochTargets = count(source, json, "epochTargets");
    read.bestLoss = json.requireDouble("bestLoss");
    read.bestStep = count(source, json, "bestStep");
    read.patienceLoss = json.requireDouble("patienceLoss");
    read.withoutGain = count(source, json, "withoutGain");
    if (json.has("validation")) {
      JsonObject last = json.requireObject("validation");
      read.validation =
          new Evaluation(
              last.requireDouble("loss"),
              last.requireDouble("accuracy"),
              count(source, last, "targets"));
    }
    step = read.step;
    trainedNanos = read.trainedNanos;
    lastLoss = read.lastLoss;
    epochLossSum = read.epochLossSum;
    epochHits = read.epochHits;
    epochTargets = read.epochTargets;
    bestLoss = read.bestLoss;
    bestStep = read.bestStep;
    patienceLoss = read.patienceLoss;
    withoutGain = read.withoutGain;
    validation = read.validation;
  }

  /** A missing or negative count gives the one message that says so. */
  private static long count(Path source, JsonObject json, String key) throws CheckpointException {
    long value = json.longOr(key, -1);
    if (value < 0) {
      throw new CheckpointException(
          source + ": " + key + " must be a count that is not negative, got " + value);
    }
    return value;
  }
}
