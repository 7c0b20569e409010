package io.github.mamba4j.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The optimiser's update of many tensors in one call. */
public interface OptimizerKernels {
  /** Index of the learning rate in the step's numbers. */
  int LEARNING_RATE = 0;

  /** Index of {@code 1 − β₁^t} in the step's numbers. */
  int BIAS_CORRECTION_1 = 1;

  /** Index of {@code 1 − β₂^t} in the step's numbers. */
  int BIAS_CORRECTION_2 = 2;

  /** How many numbers a step has. */
  int STEP_NUMBERS = 3;

  /**
   * A parameter with its gradient and moments, all contiguous.
   *
   * @param count number of elements
   * @param value the parameter, updated
   * @param grad its gradient, read
   * @param first running mean of the gradient, updated
   * @param second running mean of the squared gradient, updated
   * @param weightDecay decoupled decay of this parameter, not negative
   * @param rounded receives the updated parameter once more in {@link DType#BF16}, to nearest with
   *     ties to even; or null if not wanted
   */
  record Slot(
      long count,
      View value,
      View grad,
      View first,
      View second,
      float weightDecay,
      @Nullable View rounded) {}

  /**
   * One AdamW step (Loshchilov and Hutter 2019, algorithm 2) with clipping by global norm.
   *
   * <p>{@code g ← g · min(1, maxNorm/(norm + 1e−6)); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w −
   * lr·weightDecay·w; w ← w − lr/c₁ · m/(√v/√c₂ + eps)}.
   *
   * @param slots the parameters
   * @param step {@link #STEP_NUMBERS} floats on the device, written before each step
   * @param norm the gradients' norm, one float on the device
   * @param maxNorm largest norm that is not scaled down; infinity for no clipping
   * @param beta1 decay of the first moment, in [0, 1)
   * @param beta2 decay of the second moment, in [0, 1)
   * @param eps added to the root, positive
   */
  record AdamW(
      List<Slot> slots, View step, View norm, float maxNorm, float beta1, float beta2, float eps) {}

  /**
   * Returns the scratch that the norm needs.
   *
   * @param slots the parameters
   * @return number of floats
   */
  long normWorkspaceFloats(List<Slot> slots);

  /**
   * Writes the 2-norm of all gradients together.
   *
   * @param slots the parameters
   * @param out one float, overwritten
   * @param workspace {@link #normWorkspaceFloats} floats of scratch
   */
  void gradNorm(List<Slot> slots, View out, View workspace);

  /**
   * Updates all parameters.
   *
   * @param step what to do
   */
  void adamW(AdamW step);
}
