package io.github.mamba4j.examples.lm;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.train.TrainerBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How long to train, on what batches, from what seed. */
final class RunOptions {
  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "3",
      description = "Passes over the training data (default: ${DEFAULT-VALUE}).")
  private long epochs;

  @Option(
      names = "--max-steps",
      paramLabel = "N",
      description = "End after so many optimiser steps, if the epochs have more.")
  private @Nullable Long maxSteps;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "4",
      description = "Windows of a batch (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      defaultValue = "128",
      description = "Tokens of a window (default: ${DEFAULT-VALUE}).")
  private int maxLength;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = {
        "Seed of the parameters, the split and the order of the data",
        "(default: ${DEFAULT-VALUE})."
      })
  private long seed;

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      defaultValue = "f32",
      description = {
        "f32, or bf16 for mixed precision on a GPU: activations of 16 bits, parameters",
        "and sums of 32 (default: ${DEFAULT-VALUE})."
      })
  private String activations;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "STEPS",
      description = "Write the checkpoint 'last' so often (default: after each epoch).")
  private @Nullable Long checkpointEvery;

  /** Refuses nonsense before any text is read. */
  void check() {
    positive("--epochs", epochs);
    positive("--batch-size", batchSize);
    positive("--max-length", maxLength);
    activations();
    if (maxSteps != null) {
      positive("--max-steps", maxSteps);
    }
    if (checkpointEvery != null) {
      positive("--checkpoint-every", checkpointEvery);
    }
  }

  private DType activations() {
    return switch (activations) {
      case "f32" -> DType.F32;
      case "bf16" -> DType.BF16;
      default ->
          throw new BadInputException("--activations must be f32 or bf16, got " + activations);
    };
  }

  static void positive(String option, long value) {
    if (value <= 0) {
      throw new BadInputException(option + " must be positive, got " + value);
    }
  }

  void applyTo(TrainerBuilder builder) {
    builder.epochs(epochs).activations(activations());
    if (maxSteps != null) {
      builder.maxSteps(maxSteps);
    }
    if (checkpointEvery != null) {
      builder.checkpointEverySteps(checkpointEvery);
    }
  }

  int batchSize() {
    return batchSize;
  }

  int maxLength() {
    return maxLength;
  }

  long seed() {
    return seed;
  }
}
