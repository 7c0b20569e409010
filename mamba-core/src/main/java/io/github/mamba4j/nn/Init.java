package io.github.mamba4j.nn;

import java.util.random.RandomGenerator;

/** How a parameter gets its first values. */
@FunctionalInterface
public interface Init {
  /**
   * Makes the value of one element.
   *
   * @param index the element's place in row-major order
   * @param random the parameter's own random numbers
   * @return the value
   */
  float value(long index, RandomGenerator random);

  /**
   * Sets all elements to one value.
   *
   * @param value the value
   * @return the initialiser
   */
  static Init constant(float value) {
    return (index, random) -> value;
  }

  /**
   * Draws from U(−bound, bound).
   *
   * @param bound the bound, not negative
   * @return the initialiser
   */
  static Init uniform(double bound) {
    return (index, random) -> (float) ((2 * random.nextDouble() - 1) * bound);
  }

  /**
   * Draws from N(0, deviation²).
   *
   * @param deviation the standard deviation, not negative
   * @return the initialiser
   */
  static Init normal(double deviation) {
    return (index, random) -> (float) (random.nextGaussian() * deviation);
  }

  /**
   * PyTorch's default for a linear layer, U(±1/√fanIn) (Kaiming uniform with a = √5).
   *
   * @param fanIn number of inputs, positive
   * @return the initialiser
   */
  static Init linear(int fanIn) {
    return uniform(1 / Math.sqrt(fanIn));
  }

  /**
   * The bias of Mamba's step-size projection: the inverse softplus of a step drawn log-uniformly
   * (state-spaces/mamba, {@code Mamba.__init__}; the paper's text says uniform).
   *
   * @param min smallest step, positive
   * @param max largest step, at least min
   * @param floor lower bound after drawing, positive
   * @return the initialiser
   */
  static Init inverseSoftplusStep(double min, double max, double floor) {
    return (index, random) -> {
      double log = random.nextDouble() * (Math.log(max) - Math.log(min)) + Math.log(min);
      double step = Math.max(Math.exp(log), floor);
      return (float) (step + Math.log(-Math.expm1(-step)));
    };
  }

  /**
   * S4D-Real: {@code log(n + 1)} for state n of each channel, so that A = −(n + 1) (Gu et al.
   * 2022).
   *
   * @param dState states a channel, positive
   * @return the initialiser of a [dInner, dState] tensor
   */
  static Init logStateIndex(int dState) {
    return (index, random) -> (float) Math.log(index % dState + 1d);
  }

  /**
   * The logarithm of a uniform draw: how the decay rates of Mamba-2 start.
   *
   * @param min smallest value before the logarithm, positive
   * @param max largest, at least min
   * @return the initialiser
   */
  static Init logUniform(double min, double max) {
    return (index, random) -> (float) Math.log(min + (max - min) * random.nextDouble());
  }
}
