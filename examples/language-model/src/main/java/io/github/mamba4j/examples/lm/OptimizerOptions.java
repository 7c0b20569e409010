package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.LearningRateSchedule;
import io.github.mamba4j.train.TrainerBuilder;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How the parameters are moved. */
final class OptimizerOptions {
  /** How the learning rate falls. */
  enum Decay {
    /** Not at all. */
    CONSTANT,
    /** On a line. */
    LINEAR,
    /** On half a cosine. */
    COSINE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--learning-rate",
      paramLabel = "RATE",
      defaultValue = "1e-4",
      description = "Peak learning rate of AdamW (default: ${DEFAULT-VALUE}).")
  private double learningRate;

  @Option(
      names = "--schedule",
      paramLabel = "KIND",
      defaultValue = "constant",
      description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Decay schedule;

  @Option(
      names = "--warmup",
      paramLabel = "STEPS",
      defaultValue = "0",
      description = "Steps in which the rate rises to its peak (default: ${DEFAULT-VALUE}).")
  private long warmup;

  @Option(
      names = "--final-rate",
      paramLabel = "SHARE",
      defaultValue = "0.1",
      description = {
        "Share of the peak at the end of a linear or cosine schedule",
        "(default: ${DEFAULT-VALUE})."
      })
  private double finalRate;

  @Option(
      names = "--decay-steps",
      paramLabel = "STEPS",
      description = "Steps after which a linear or cosine schedule ends (default: the whole run).")
  private @Nullable Integer decaySteps;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      defaultValue = "0.1",
      description = "Weight decay of AdamW (default: ${DEFAULT-VALUE}).")
  private double weightDecay;

  @Option(
      names = "--clip",
      paramLabel = "NORM",
      defaultValue = "1.0",
      description = "Largest norm of the gradient (default: ${DEFAULT-VALUE}).")
  private double clip;

  @Option(
      names = "--grad-accumulation",
      paramLabel = "N",
      defaultValue = "1",
      description = "Batches of one optimiser step (default: ${DEFAULT-VALUE}).")
  private int accumulation;

  AdamW optimizer() {
    return BadInputException.refused(() -> AdamW.of(learningRate).withWeightDecay(weightDecay));
  }

  LearningRateSchedule schedule() {
    return BadInputException.refused(() -> {
      LearningRateSchedule decay =
          switch (schedule) {
            case CONSTANT -> LearningRateSchedule.constant();
            case LINEAR -> LearningRateSchedule.linear(finalRate);
            case COSINE -> LearningRateSchedule.cosine(finalRate);
          };
      LearningRateSchedule warmed = decay.withWarmup(warmup);
      return decaySteps == null ? warmed : warmed.withDecaySteps(decaySteps);
    });
  }

  /** Refuses nonsense before any text is read. */
  void check() {
    optimizer();
    schedule();
    BadInputException.refused(() -> LearningRateSchedule.linear(finalRate));
    if (!(clip > 0)) {
      throw new BadInputException("--clip must be positive, got " + clip);
    }
    RunOptions.positive("--grad-accumulation", accumulation);
  }

  void applyTo(TrainerBuilder builder) {
    BadInputException.refused(() ->
        builder
            .optimizer(optimizer())
            .schedule(schedule())
            .clipNorm(clip)
            .accumulation(accumulation));
  }
}
