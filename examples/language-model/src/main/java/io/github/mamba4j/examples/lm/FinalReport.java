package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.TrainingResult;
import java.io.PrintWriter;

/** What a finished run says at its end. */
final class FinalReport {
  private FinalReport() {}

  static void print(PrintWriter out, TrainingResult result, MetricsHistory history) {
    boolean early = result.reason() == TrainingResult.Reason.EARLY_STOPPED;
    out.println(
        Text.format(
            "%s %,d steps, %d epochs, %s",
            early ? "no better " : "done      ",
            result.steps(),
            result.epochs(),
            Text.duration(result.elapsedNanos())));
    history
        .last(MetricRow.Kind.EPOCH)
        .or(() -> history.last(MetricRow.Kind.STEP))
        .ifPresent(row -> out.println("training   " + ProgressText.of(row.loss(), row.accuracy())));
    result
        .validation()
        .ifPresent(evaluation -> out.println("validation " + ProgressText.of(evaluation)));
    result
        .best()
        .ifPresent(best ->
            out.println(
                Text.format(
                    "best       validation loss %.4f after step %,d", best.loss(), best.step())));
  }
}
