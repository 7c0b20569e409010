package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** All measurements of a run, those before it was resumed included. */
final class MetricsHistory implements TrainingListener {
  private final List<MetricRow> rows = new ArrayList<>();
  private double elapsedSeconds;

  /** Starts with what an earlier part of the run measured. */
  MetricsHistory(List<MetricRow> earlier) {
    rows.addAll(earlier);
    if (!earlier.isEmpty()) {
      elapsedSeconds = earlier.getLast().elapsedSeconds();
    }
  }

  @Override
  public void onStep(StepMetrics metrics) {
    elapsedSeconds = metrics.elapsedNanos() / 1e9;
    rows.add(MetricRow.of(metrics));
  }

  @Override
  public void onValidation(Validation validation) {
    rows.add(MetricRow.of(validation, elapsedSeconds));
  }

  @Override
  public void onEpoch(EpochMetrics metrics) {
    elapsedSeconds = metrics.elapsedNanos() / 1e9;
    rows.add(MetricRow.of(metrics));
  }

  List<MetricRow> rows() {
    return rows;
  }

  List<MetricRow> rows(MetricRow.Kind kind) {
    return rows.stream().filter(row -> row.kind() == kind).toList();
  }

  Optional<MetricRow> last(MetricRow.Kind kind) {
    for (MetricRow row : rows.reversed()) {
      if (row.kind() == kind) {
        return Optional.of(row);
      }
    }
    return Optional.empty();
  }
}
