package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.View;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * AdamW with clipping by the global norm, over many parameters in one launch: {@code g ← g · min(1,
 * maxNorm/(norm + 1e−6)); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − lr·decay·w; w ← w −
 * lr/(1−β₁ᵗ) · m/(√v/√(1−β₂ᵗ) + eps)}.
 *
 * <p>Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2; the
 * clipping of PyTorch's {@code clip_grad_norm_}. Time and memory are linear in the number of
 * parameters; beyond the moments nothing is held.
 *
 * <p>The three calls launch kernels only, so that {@link Scope#record} can repeat them: what
 * changes from step to step is read from device memory.
 */
public final class AdamWOp {
  /** How many numbers {@link #update} reads each step. */
  public static final int STEP_NUMBERS = OptimizerKernels.STEP_NUMBERS;

  private static final String OP = "adamW";

  private AdamWOp() {}

  /**
   * A parameter with its moments.
   *
   * @param parameter what is trained; its gradient is read
   * @param first running mean of the gradient, of the parameter's shape, zeros at first
   * @param second running mean of the squared gradient, of the parameter's shape, zeros at first
   * @param weightDecay decoupled decay of this parameter, not negative
   */
  public record Slot(Tensor parameter, Tensor first, Tensor second, float weightDecay) {
    /**
     * Checks the shapes and gives the parameter a gradient of zeros if it has none.
     *
     * @throws ShapeMismatchException if a moment has another shape than the parameter
     * @throws IllegalArgumentException if a tensor is not contiguous, the parameter cannot be
     *     written or the decay is negative
     * @throws IllegalStateException if the parameter requires no gradient
     */
    public Slot {
      String from = "parameter";
      ShapeRules.floats(OP, "parameter", parameter);
      ShapeRules.expect(OP, "first", first, "the parameter's shape", parameter.shape(), from);
      ShapeRules.expect(OP, "second", second, "the parameter's shape", parameter.shape(), from);
      if (!parameter.isContiguous() || !first.isContiguous() || !second.isContiguous()) {
        throw new IllegalArgumentException(
            "adamW: parameter and moments must be contiguous, got a view");
      }
      if (parameter.isReadOnly()) {
        throw new IllegalArgumentException(
            "adamW: parameter lies in read-only memory, expected memory of its own; copy it first");
      }
      if (!(weightDecay >= 0)) {
        throw new IllegalArgumentException(
            "adamW: weightDecay must not be negative, got " + weightDecay);
      }
      if (!parameter.gradient().reached()) {
        parameter.zeroGrad();
      }
    }

    private OptimizerKernels.Slot views(@Nullable View rounded) {
      return new OptimizerKernels.Slot(
          parameter.shape().elements(),
          parameter.view(),
          parameter.gradientView(),
          first.view(),
          second.view(),
          weightDecay,
          rounded);
    }
  }

  /**
   * The numbers that stay the same in all steps.
   *
   * @param maxNorm largest gradient norm that is not scaled down, positive; infinity for no
   *     clipping
   * @param beta1 decay of the first moment, in [0, 1)
   * @param beta2 decay of the second moment, in [0, 1)
   * @param eps added to the root, positive
   */
  public record Settings(float maxNorm, float beta1, float beta2, float eps) {
    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException if a number is out of its range
     */
    public Settings {
      require(maxNorm > 0, "maxNorm must be positive", maxNorm);
      require(beta1 >= 0 && beta1 < 1, "beta1 must be in [0, 1)", beta1);
      require(beta2 >= 0 && beta2 < 1, "beta2 must be in [0, 1)", beta2);
      require(eps > 0, "eps must be positive", eps);
    }

    private static void require(boolean holds, String rule, float value) {
      if (!holds) {
        throw new IllegalArgumentException("adamW: " + rule + ", got " + value);
      }
    }
  }

  /**
   * Fills the numbers of a step for {@link #update}.
   *
   * @param settings the decays of the moments
   * @param learningRate rate of this step, not negative
   * @param step number of this step, from 1
   * @param numbers receives {@link #STEP_NUMBERS} floats
   */
  public static void stepNumbers(
      Settings settings, double learningRate, long step, float[] numbers) {
    ShapeRules.positive(OP, "step", step);
    numbers[OptimizerKernels.LEARNING_RATE] = (float) learningRate;
    numbers[OptimizerKernels.BIAS_CORRECTION_1] =
        (float) (1 - Math.pow(settings.beta1, (double) step));
    numbers[OptimizerKernels.BIAS_CORRECTION_2] =
        (float) (1 - Math.pow(settings.beta2, (double) step));
  }

  /**
   * Computes the 2-norm of all gradients together.
   *
   * @param scope where the work is recorded and finds its scratch
   * @param slots the parameters
   * @param norm shape [1], overwritten
   * @throws ShapeMismatchException if norm has another shape
   */
  public static void gradientNorm(Scope scope, List<Slot> slots, Tensor norm) {
    ShapeRules.expect(OP, "norm", norm, "one element", Shape.of(1), "its meaning");
    OptimizerKernels kernels = scope.backend().optimizer();
    List<OptimizerKernels.Slot> views = slots.stream().map(slot -> slot.views(null)).toList();
    scope.withWorkspace(
        kernels.normWorkspaceFloats(views),
        workspace -> scope.launch(() -> kernels.gradNorm(views, norm.view(), workspace)));
  }

  /**
   * Updates all parameters and moments by one step.
   *
   * @param scope where the work is recorded
   * @param slots the parameters
   * @param settings what stays the same in all steps
   * @param numbers shape [{@link #STEP_NUMBERS}], see {@link #stepNumbers}
   * @param norm the gradients' norm, shape [1]
   * @throws ShapeMismatchException if numbers or norm have another shape
   */
  public static void update(
      Scope scope, List<Slot> slots, Settings settings, Tensor numbers, Tensor norm) {
    ShapeRules.expect(OP, "norm", norm, "one element", Shape.of(1), "its meaning");
    ShapeRules.expect(
        OP, "numbers", numbers, "the step's numbers", Shape.of(STEP_NUMBERS), "its meaning");
    OptimizerKernels kernels = scope.backend().optimizer();
    OptimizerKernels.AdamW args =
        new OptimizerKernels.AdamW(
            slots.stream().map(AdamWOp::updated).toList(),
            numbers.view(),
            norm.view(),
            settings.maxNorm,
            settings.beta1,
            settings.beta2,
            settings.eps);
    scope.launch(() -> kernels.adamW(args));
  }

  private static OptimizerKernels.Slot updated(Slot slot) {
    return slot.views(RoundedCopy.updated(slot.parameter));
  }

  /**
   * Runs a backward pass whose gradients replace those that the parameters have: what reaches a
   * parameter first overwrites, what it does not reach becomes zero. So gradients need not be
   * zeroed before, neither now nor when the pass was recorded and is repeated.
   *
   * @param slots the parameters
   * @param backward the pass
   */
  public static void replaceGradients(List<Slot> slots, Runnable backward) {
    renewGradients(slots);
    backward.run();
    slots.forEach(slot -> slot.parameter.gradient().complete());
  }

  /**
   * Lets all gradients count as zero: they are written when they are asked for, or not at all if a
   * backward pass comes first. Nothing is launched, so this is no part of a recording.
   *
   * @param slots the parameters
   */
  public static void renewGradients(List<Slot> slots) {
    // By index: a repeated step makes no objects.
    for (int i = 0; i < slots.size(); i++) {
      slots.get(i).parameter.gradient().renew();
    }
  }

  /**
   * Sets all gradients to zero.
   *
   * @param slots the parameters
   */
  public static void zeroGradients(List<Slot> slots) {
    slots.forEach(slot -> slot.parameter.zeroGrad());
  }
}
