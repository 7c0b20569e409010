package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.Evaluation;
import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;

/**
 * Says how far an evaluation is, as a bar on a terminal and as a line every ten seconds elsewhere,
 * and ends it when asked to.
 */
final class EvaluationProgress implements Predicate<Evaluation>, AutoCloseable {
  private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final PrintWriter out;
  private final long total;
  private final long began = System.nanoTime();
  private final @Nullable ProgressBar bar;
  private long lastLine = began;
  private volatile boolean stopped;

  /**
   * Starts to measure the time.
   *
   * @param out where lines go
   * @param total tokens to be predicted
   */
  EvaluationProgress(PrintWriter out, long total) {
    this.out = out;
    this.total = total;
    this.bar = TrainCommand.isTerminal() ? BarDisplay.open("evaluate", total, 0) : null;
  }

  /** Ends the evaluation after its current batch or piece; from any thread. */
  void requestStop() {
    stopped = true;
  }

  @Override
  public boolean test(Evaluation soFar) {
    long now = System.nanoTime();
    long left = Math.round((double) (now - began) / soFar.targets() * (total - soFar.targets()));
    String numbers =
        Text.format(
            "loss %.4f ppl %s %,.0f tok/s ETA %s",
            soFar.loss(),
            Text.perplexity(soFar.perplexity()),
            soFar.targets() / Math.max(1e-9, (now - began) / 1e9),
            Text.duration(left));
    if (bar != null) {
      bar.setExtraMessage(numbers);
      bar.stepTo(soFar.targets());
    } else if (now - lastLine > SILENCE_NANOS) {
      lastLine = now;
      out.println(Text.format("evaluate %,d/%,d tokens  %s", soFar.targets(), total, numbers));
      out.flush();
    }
    return !stopped;
  }

  /** Ends the bar, so that lines can follow. */
  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
