package io.github.mamba4j.oracle;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * AdamW with clipping by the global norm, in float64 (Loshchilov and Hutter 2019, algorithm 2, with
 * the clipping of PyTorch's clip_grad_norm_).
 */
public final class ReferenceAdamW {

  private final double beta1;
  private final double beta2;
  private final double eps;
  private final double weightDecay;
  private final double maxNorm;
  private final Set<String> withoutDecay;
  private final Map<String, double[]> first = new HashMap<>();
  private final Map<String, double[]> second = new HashMap<>();
  private int steps;

  /**
   * An optimiser before its first step.
   *
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param eps added to the root
   * @param weightDecay decoupled decay
   * @param maxNorm largest gradient norm that is not scaled down; infinity for no clipping
   * @param withoutDecay names of the parameters that do not decay
   */
  public ReferenceAdamW(
      double beta1,
      double beta2,
      double eps,
      double weightDecay,
      double maxNorm,
      Set<String> withoutDecay) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.eps = eps;
    this.weightDecay = weightDecay;
    this.maxNorm = maxNorm;
    this.withoutDecay = Set.copyOf(withoutDecay);
  }

  /** The 2-norm of all gradients together. */
  public static double norm(Map<String, double[]> gradients) {
    double squares = 0;
    for (double[] gradient : gradients.values()) {
      squares += ReferenceOps.dot(gradient, gradient);
    }
    return Math.sqrt(squares);
  }

  /**
   * Updates the parameters in place: g ← g·min(1, maxNorm/(norm + 1e−6)); m ← β₁m + (1−β₁)g; v ←
   * β₂v + (1−β₂)g²; w ← w − lr·decay·w − lr·(m/(1−β₁ᵗ))/(√(v/(1−β₂ᵗ)) + eps).
   *
   * @param parameters named arrays, changed
   * @param gradients arrays of the same names and sizes, not changed
   * @param learningRate lr of this step
   * @return the norm before clipping
   */
  public double step(
      Map<String, double[]> parameters, Map<String, double[]> gradients, double learningRate) {
    steps++;
    double norm = norm(gradients);
    double clip = Math.min(1, maxNorm / (norm + 1e-6));
    double correction1 = 1 - Math.pow(beta1, steps);
    double correction2 = 1 - Math.pow(beta2, steps);
    gradients.forEach((name, gradient) -> {
      double[] w = parameters.get(name);
      if (w == null || w.length != gradient.length) {
        throw new IllegalArgumentException("adamW: no parameter fits gradient " + name);
      }
      double[] m = first.computeIfAbsent(name, _ -> new double[gradient.length]);
      double[] v = second.computeIfAbsent(name, _ -> new double[gradient.length]);
      double decay = withoutDecay.contains(name) ? 0 : weightDecay;
      for (int i = 0; i < gradient.length; i++) {
        double g = gradient[i] * clip;
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        w[i] -= learningRate * decay * w[i];
        w[i] -= learningRate * (m[i] / correction1) / (Math.sqrt(v[i] / correction2) + eps);
      }
    });
    return norm;
  }
}
