package io.github.mamba4j.ssm;

import java.util.Locale;

/** What a discrete system answers to an input sequence: the outputs and the state it ends in. */
public final class Response {

  private final double[][] outputs;
  private final double[] finalState;

  Response(double[][] outputs, double[] finalState) {
    this.outputs = outputs;
    this.finalState = finalState;
  }

  /**
   * Returns the output sequence.
   *
   * @return a copy of the outputs, [length, outputs]
   */
  public double[][] outputs() {
    return Checks.copy(outputs);
  }

  /**
   * Returns one output as a sequence.
   *
   * @param index the output, from 0
   * @return its values, [length]
   * @throws IllegalArgumentException if there is no such output
   */
  public double[] output(int index) {
    double[] sequence = new double[outputs.length];
    for (int k = 0; k < sequence.length; k++) {
      if (index < 0 || index >= outputs[k].length) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "Response: index must be in [0, %d), got %d",
                outputs[k].length,
                index));
      }
      sequence[k] = outputs[k][index];
    }
    return sequence;
  }

  /**
   * Returns the state after the last input, ready to be the initial state of the next part.
   *
   * @return a copy of the state, [stateSize]
   */
  public double[] finalState() {
    return finalState.clone();
  }
}
