package io.github.mamba4j.spi;

import org.jspecify.annotations.Nullable;

/** Softmax cross-entropy over rows of logits. */
public interface LossKernels {
  /** The target that is not counted. */
  int IGNORE = -100;

  /**
   * The loss of rows of logits and its gradient.
   *
   * <p>For a row with target y: {@code loss = weight · (log Σ_j e^{x_j} − x_y)} and {@code grad_j =
   * weight · (softmax(x)_j − [j = y])}; both zero for a row whose target is {@link #IGNORE}.
   *
   * @param rows rows
   * @param vocab classes
   * @param logits [rows, vocab]
   * @param targets one {@link DType#I32} a row, contiguous, in [0, vocab) or {@link #IGNORE}
   * @param weight one element on the device, see {@link #meanWeight}
   * @param losses one float a row, contiguous, overwritten
   * @param hits one float a row, contiguous, overwritten: 1 if the target is the row's first
   *     largest logit, else 0; or null if not wanted
   * @param logitsGrad [rows, vocab], or null if not wanted; may be the memory of the logits when it
   *     overwrites
   */
  record CrossEntropy(
      int rows,
      int vocab,
      View logits,
      View targets,
      View weight,
      View losses,
      @Nullable View hits,
      @Nullable Sink logitsGrad) {}

  /**
   * Returns how many rows of logits are best computed and compared at a time: few enough for their
   * logits to stay in a cache, enough for the gradient of the head not to be read and written too
   * often.
   *
   * @param vocab classes, positive
   * @param width columns of the head, positive
   * @return number of rows, positive
   */
  default int rowsAtATime(int vocab, int width) {
    return Math.max(256, (1 << 22) / vocab);
  }

  /**
   * Writes one over the number of counted targets (one if there is none).
   *
   * @param targets contiguous {@link DType#I32}
   * @param count how many
   * @param out one float, overwritten
   */
  void meanWeight(View targets, int count, View out);

  /**
   * Computes losses and gradients.
   *
   * @param loss what to compute
   */
  void crossEntropy(CrossEntropy loss);
}
