package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.EpochMetrics;
import io.github.mamba4j.train.StepMetrics;
import io.github.mamba4j.train.TrainingListener;
import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;

/** Progress as lines of text, for logs: ten an epoch, or one every ten seconds if that is more. */
final class PlainDisplay implements TrainingListener {
  private static final int LINES_PER_EPOCH = 10;
  private static final long LONGEST_SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final PrintWriter out;
  private long epochs;
  private long stepsPerEpoch;
  private long lastLineNanos;

  PlainDisplay(PrintWriter out) {
    this.out = out;
  }

  @Override
  public void onStart(Start start) {
    stepsPerEpoch = start.stepsPerEpoch();
    epochs = ProgressText.epochs(start);
    lastLineNanos = System.nanoTime();
  }

  @Override
  public void onStep(StepMetrics metrics) {
    long inEpoch = metrics.stepInEpoch() + 1;
    long every = Math.max(1, stepsPerEpoch / LINES_PER_EPOCH);
    boolean due =
        inEpoch % every == 0
            || metrics.step() == 1
            || metrics.step() == metrics.totalSteps()
            || System.nanoTime() - lastLineNanos > LONGEST_SILENCE_NANOS;
    if (due) {
      lastLineNanos = System.nanoTime();
      out.println(
          Text.format(
              "epoch %d/%d  step %d/%d  %s  ETA %s",
              metrics.epoch() + 1,
              epochs,
              inEpoch,
              ProgressText.stepsOfEpoch(metrics, stepsPerEpoch),
              ProgressText.of(metrics),
              Text.duration(metrics.remainingNanos())));
      out.flush();
    }
  }

  @Override
  public void onValidation(Validation validation) {
    out.println(ProgressText.of(validation, epochs));
    out.flush();
  }

  @Override
  public void onEpoch(EpochMetrics metrics) {
    out.println(ProgressText.of(metrics, epochs));
    out.flush();
  }
}
