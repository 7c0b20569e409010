package io.github.mamba4j.nn;

import java.util.ArrayList;
import java.util.List;

/** The sizes and initial ranges of a mixer: which kind it is and how large. */
public sealed interface MixerConfig permits Mamba1Mixer.Config, Mamba2Mixer.Config {
  /**
   * Returns the width of the residual stream.
   *
   * @return positive
   */
  int dModel();

  /**
   * Returns the number of channels of the scan.
   *
   * @return positive (upstream: expand · dModel)
   */
  int dInner();

  /**
   * Returns the number of states a channel.
   *
   * @return positive
   */
  int dState();

  /**
   * Returns the number of taps of the convolution.
   *
   * @return positive
   */
  int dConv();

  /**
   * Returns the number of channels of the convolution.
   *
   * @return at least dInner
   */
  int convChannels();

  /**
   * Makes a mixer of this kind.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param outScale factor of the output projection's initial range (upstream: 1/√nLayers)
   * @return the mixer
   */
  Mixer create(ParameterStore store, String name, double outScale);

  /**
   * How the step-size bias starts: at the inverse softplus of a step that is drawn log-uniformly.
   *
   * @param min smallest step, positive (upstream: 0.001)
   * @param max largest step, at least min (upstream: 0.1)
   * @param floor lower bound of a drawn step, positive (upstream: 1e-4)
   */
  record StepInit(double min, double max, double floor) {
    /**
     * Checks the range.
     *
     * @throws IllegalArgumentException if it is empty or not positive
     */
    public StepInit {
      Checks checks = new Checks("step");
      checks.positive("min", min);
      checks.positive("max", max);
      checks.positive("floor", floor);
      checks.require(!(min > max), "min must not be above max, got " + min + " and " + max);
      checks.finish();
    }

    Init init() {
      return Init.inverseSoftplusStep(min, max, floor);
    }
  }

  /** Collects what is wrong, so that one message names it all. */
  final class Checks {
    private final String name;
    private final List<String> wrong = new ArrayList<>();

    /**
     * Starts with nothing wrong.
     *
     * @param name what is checked, the beginning of the message
     */
    public Checks(String name) {
      this.name = name;
    }

    /**
     * Requires a positive number.
     *
     * @param field its name
     * @param value its value
     */
    public void positive(String field, long value) {
      require(value > 0, field + " must be positive, got " + value);
    }

    /**
     * Requires that a size made of others is one.
     *
     * @param what how it is made
     * @param value its value
     */
    public void size(String what, long value) {
      require(value <= Integer.MAX_VALUE, what + " must be below 2^31, got " + value);
    }

    /**
     * Requires a positive, finite number.
     *
     * @param field its name
     * @param value its value
     */
    public void positive(String field, double value) {
      boolean good = value > 0 && !Double.isInfinite(value);
      require(good, field + " must be positive and finite, got " + value);
    }

    /**
     * Requires something.
     *
     * @param holds whether it holds
     * @param otherwise what to say if it does not
     */
    public void require(boolean holds, String otherwise) {
      if (!holds) {
        wrong.add(otherwise);
      }
    }

    /**
     * Ends the checks.
     *
     * @throws IllegalArgumentException if anything was wrong; the message names it all
     */
    public void finish() {
      if (!wrong.isEmpty()) {
        throw new IllegalArgumentException(name + ": " + String.join("; ", wrong));
      }
    }
  }
}
