package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.StoredType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * What is done with a model file.
 *
 * @param task what
 * @param model its size
 * @param weights how it stores its matrices
 */
record ModelCell(Task task, PublishedModel model, StoredType weights) {
  /** Tokens before those that are timed in {@link Task#DECODE}, and of the prompt of a start. */
  static final int SHORT_PROMPT = 16;

  /** Tokens that are timed in {@link Task#DECODE}. */
  static final int STEPS = 64;

  /** Tokens that are timed in {@link Task#PREFILL}. */
  static final int PROMPT = 512;

  private static final int CHECKED_PROMPT = 48;
  private static final int CHECKED_STEPS = 8;

  /** What can be done with a model. */
  enum Task {
    /** Single tokens after a short prompt, up to the logits of each on the host. */
    DECODE,
    /** A prompt, up to the logits of the token that follows, on the host. */
    PREFILL,
    /** The file is opened and the first token chosen. */
    START
  }

  /** Returns the name that contestants are told. */
  String name() {
    return lower(task) + " " + model.label() + " " + lower(weights);
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  /** Reads a name. */
  static ModelCell parse(String name) {
    String[] words = name.split(" ", -1);
    PublishedModel model =
        Arrays.stream(PublishedModel.values())
            .filter(one -> one.label().equals(words[1]))
            .findFirst()
            .orElseThrow();
    return new ModelCell(
        Task.valueOf(words[0].toUpperCase(Locale.ROOT)),
        model,
        StoredType.valueOf(words[2].toUpperCase(Locale.ROOT)));
  }

  /** Returns the file, which {@link ModelFiles} makes. */
  Path file(Path folder) {
    return ModelFiles.file(folder, model, weights);
  }

  /** Returns the prompt of the text whose logits are compared. */
  int[] checkedPrompt() {
    return PublishedModel.tokens(CHECKED_PROMPT);
  }

  /** Returns the single tokens after it. */
  int[] checkedSteps() {
    if (task != Task.DECODE) {
      return new int[0];
    }
    int[] text = PublishedModel.tokens(CHECKED_PROMPT + CHECKED_STEPS);
    return Arrays.copyOfRange(text, CHECKED_PROMPT, text.length);
  }

  /**
   * Returns how far logits may lie apart, relative to the largest. All have the same weights; but
   * llama.cpp rounds the activations that meet narrow weights to the weights' type (Q8_0: to blocks
   * of 8-bit integers), and we do not.
   */
  double tolerance() {
    return switch (weights) {
      case F32 -> 1e-5;
      case F16 -> 1e-3;
      case BF16 -> 1e-2;
      case Q8_0 -> 2e-2;
      default -> throw new IllegalArgumentException("ModelCell: weights are " + weights);
    };
  }
}
