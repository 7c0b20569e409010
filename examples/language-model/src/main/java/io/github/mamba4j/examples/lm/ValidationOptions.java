package io.github.mamba4j.examples.lm;

import io.github.mamba4j.train.TrainerBuilder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the model is measured on while it is trained, and how often. */
final class ValidationOptions {
  @Option(
      names = {"--validation-data", "--validation-file"},
      paramLabel = "PATH",
      description = "Folder or file to measure on, instead of a part of --data-dir.")
  private @Nullable Path data;

  @Option(
      names = "--validation-split",
      paramLabel = "SHARE",
      defaultValue = "0.1",
      description = {
        "Share of the documents to measure on and not to train on, in [0, 1)",
        "(default: ${DEFAULT-VALUE})."
      })
  private double split;

  @Option(
      names = "--validate-every",
      paramLabel = "STEPS",
      description = "Measure also within epochs, every so many steps.")
  private @Nullable Long every;

  @Option(
      names = "--validation-batches",
      paramLabel = "N",
      description = "Measure on the first batches only (default: on all).")
  private @Nullable Long batches;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description = "Stop when so many measurements in a row were no better (default: never).")
  private @Nullable Integer patience;

  @Nullable Path data() {
    return data;
  }

  double split() {
    if (!(split >= 0 && split < 1)) {
      throw new BadInputException("--validation-split must be in [0, 1), got " + split);
    }
    return split;
  }

  /** Applies what needs validation data. */
  void applyTo(TrainerBuilder builder) {
    BadInputException.refused(() -> {
      if (every != null) {
        builder.validateEverySteps(every);
      }
      if (batches != null) {
        builder.validationBatches(batches);
      }
      return patience == null ? builder : builder.earlyStopping(patience, 0);
    });
  }

  /** Refuses nonsense before any text is read. */
  void check() {
    split();
    positive("--validate-every", every);
    positive("--validation-batches", batches);
    positive("--patience", patience == null ? null : Long.valueOf(patience));
  }

  private static void positive(String option, @Nullable Long value) {
    if (value != null) {
      RunOptions.positive(option, value);
    }
  }
}
