package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;
import io.github.mamba4j.train.TrainingResult;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress as a bar for each epoch, for terminals; what is worth keeping follows as a line. */
final class BarDisplay implements TrainingListener, AutoCloseable {
  private static final int UPDATE_MILLIS = 250;

  private final PrintWriter out;
  private long epochs;
  private long stepsPerEpoch;
  private volatile long remainingNanos;
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
    remainingNanos = metrics.remainingNanos();
    ProgressBar current = bar;
    if (current == null) {
      current = open(metrics);
      bar = current;
    }
    current.setExtraMessage(ProgressText.of(metrics));
    current.stepTo(metrics.stepInEpoch() + 1);
    if (metrics.stepInEpoch() + 1 == stepsPerEpoch || metrics.step() == metrics.totalSteps()) {
      close();
    }
  }

  private ProgressBar open(StepMetrics metrics) {
    boolean unicode =
        StandardCharsets.UTF_8.name().equalsIgnoreCase(System.getProperty("stderr.encoding"));
    return new ProgressBarBuilder()
        .setTaskName(Text.format("epoch %d/%d", metrics.epoch() + 1, epochs))
        .setInitialMax(stepsPerEpoch)
        .setStyle(unicode ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(UPDATE_MILLIS)
        .startsFrom(metrics.stepInEpoch(), Duration.ZERO)
        .setEtaFunction(state -> Optional.of(Duration.ofNanos(remainingNanos)))
        .build();
  }

  @Override
  public void onValidation(Validation validation) {
    boolean within = bar != null;
    close();
    out.println(ProgressText.of(validation, epochs) + (within ? "  (within the epoch)" : ""));
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
