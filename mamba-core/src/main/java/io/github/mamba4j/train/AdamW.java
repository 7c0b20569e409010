package io.github.mamba4j.train;

import java.util.Set;

/**
 * The settings of AdamW (Loshchilov and Hutter 2019, algorithm 2). The defaults are those of the
 * Mamba papers (Gu and Dao 2023, appendix E.2): β = (0.9, 0.95), weight decay 0.1.
 *
 * @param learningRate the peak rate, which a {@link LearningRateSchedule} scales, positive
 * @param beta1 decay of the gradient's running mean, in [0, 1)
 * @param beta2 decay of the squared gradient's running mean, in [0, 1)
 * @param eps added to the root, positive
 * @param weightDecay decoupled decay of the parameters that {@link #decays} names, not negative
 */
public record AdamW(
    double learningRate, double beta1, double beta2, double eps, double weightDecay) {
  private static final Set<String> NEVER_DECAYED = Set.of("A_log", "D", "init_states");

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a number is out of its range
   */
  public AdamW {
    require(
        learningRate > 0 && learningRate < Double.POSITIVE_INFINITY,
        "learningRate",
        "positive",
        learningRate);
    require(beta1 >= 0 && beta1 < 1, "beta1", "in [0, 1)", beta1);
    require(beta2 >= 0 && beta2 < 1, "beta2", "in [0, 1)", beta2);
    require(eps > 0 && eps < Double.POSITIVE_INFINITY, "eps", "positive", eps);
    require(
        weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY,
        "weightDecay",
        "not negative",
        weightDecay);
  }

  private static void require(boolean holds, String name, String range, double value) {
    if (!holds) {
      throw new IllegalArgumentException("AdamW: " + name + " must be " + range + ", got " + value);
    }
  }

  /**
   * Returns the settings of the Mamba papers.
   *
   * @param learningRate the peak rate, positive
   * @return β = (0.9, 0.95), eps 1e-8, weight decay 0.1
   */
  public static AdamW of(double learningRate) {
    return new AdamW(learningRate, 0.9, 0.95, 1e-8, 0.1);
  }

  /**
   * Returns these settings with other decays of the moments.
   *
   * @param first decay of the gradient's running mean, in [0, 1)
   * @param second decay of the squared gradient's running mean, in [0, 1)
   * @return the settings
   */
  public AdamW withBetas(double first, double second) {
    return new AdamW(learningRate, first, second, eps, weightDecay);
  }

  /**
   * Returns these settings with another addend of the root.
   *
   * @param value positive
   * @return the settings
   */
  public AdamW withEps(double value) {
    return new AdamW(learningRate, beta1, beta2, value, weightDecay);
  }

  /**
   * Returns these settings with another weight decay.
   *
   * @param value not negative
   * @return the settings
   */
  public AdamW withWeightDecay(double value) {
    return new AdamW(learningRate, beta1, beta2, eps, value);
  }

  /**
   * Returns whether weight decay applies to a parameter: to matrices, convolutions and embeddings,
   * that is, to everything of at least two axes whose last name part is not {@code A_log}, {@code
   * D}, {@code init_states} or one that ends with {@code bias}. Vectors (biases, the weights of
   * norms, {@code D}) never decay.
   *
   * @param name the parameter's checkpoint name, such as {@code backbone.layers.0.mixer.A_log}
   * @param rank the number of its axes, not negative
   * @return true if it decays
   */
  public static boolean decays(String name, int rank) {
    String last = name.substring(name.lastIndexOf('.') + 1);
    return rank >= 2 && !NEVER_DECAYED.contains(last) && !last.endsWith("bias");
  }
}
