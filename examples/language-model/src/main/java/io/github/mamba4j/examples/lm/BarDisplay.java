package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;
import io.github.mamba4j.train.TrainingResult;
import java.io.PrintWriter;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;

/** Progress as a bar for each epoch, for terminals; what is worth keeping follows as a line. */
final class BarDisplay implements TrainingListener, AutoCloseable {
  private static final int UPDATE_MILLIS = 250;
  private static final int LONGEST_BAR = 30;
  private static final int SHORTEST_BAR = 4;

  private final PrintWriter out;
  private long epochs;
  private long stepsPerEpoch;
  private @Nullable ProgressBar bar;

  BarDisplay(PrintWriter out) {
    this.out = out;
  }

  @Override
  public void onStart(Start start) {
    stepsPerEpoch = start.stepsPerEpoch();
    epochs = ProgressText.epochs(start);
  }

  @Override
  public void onStep(StepMetrics metrics) {
    ProgressBar current = bar;
    if (current == null) {
      current = open(metrics);
      bar = current;
    }
    current.setExtraMessage(
        Text.format(
            "loss %.3f ppl %.1f lr %.0e %,.0f tok/s ETA %s",
            metrics.loss(),
            metrics.perplexity(),
            metrics.learningRate(),
            metrics.tokensPerSecond(),
            Text.duration(metrics.remainingNanos())));
    current.stepTo(metrics.stepInEpoch() + 1);
    if (metrics.stepInEpoch() + 1 == stepsPerEpoch || metrics.step() == metrics.totalSteps()) {
      close();
    }
  }

  private ProgressBar open(StepMetrics metrics) {
    return open(
        Text.format("epoch %d/%d", metrics.epoch() + 1, epochs),
        ProgressText.stepsOfEpoch(metrics, stepsPerEpoch),
        metrics.stepInEpoch());
  }

  /** Opens a bar of this look. */
  static ProgressBar open(String task, long max, long start) {
    return new ProgressBarBuilder()
        .setTaskName(task)
        .setInitialMax(max)
        .setRenderer((state, width) ->
            render(
                state.getTaskName(),
                state.getCurrent(),
                state.getMax(),
                state.getExtraMessage(),
                width))
        .setUpdateIntervalMillis(UPDATE_MILLIS)
        .startsFrom(start, Duration.ZERO)
        .build();
  }

  /** The numbers matter most: the bar gets the room that they leave, and goes first. */
  static String render(String task, long current, long max, String message, int width) {
    String head = task + " ";
    String tail = Text.format("%d/%d %s", current, max, message);
    int room = Math.min(LONGEST_BAR, width - head.length() - tail.length() - 4);
    if (room < SHORTEST_BAR) {
      String line = head + tail;
      return line.substring(0, Math.min(line.length(), Math.max(0, width - 1)));
    }
    int filled = (int) (room * current / Math.max(1, max));
    return head + "[" + "#".repeat(filled) + ".".repeat(room - filled) + "] " + tail;
  }

  @Override
  public void onValidation(Validation validation) {
    close();
    out.println(ProgressText.of(validation, epochs));
    out.flush();
  }

  @Override
  public void onEpoch(EpochMetrics metrics) {
    out.println(ProgressText.of(metrics, epochs));
    out.flush();
  }

  @Override
  public void onEnd(TrainingResult result) {
    close();
  }

  /** Ends the bar, so that lines can follow. */
  @Override
  public void close() {
    ProgressBar current = bar;
    if (current != null) {
      current.close();
      bar = null;
    }
  }
}
