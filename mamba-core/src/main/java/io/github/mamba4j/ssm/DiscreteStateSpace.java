package io.github.mamba4j.ssm;

import java.util.Arrays;
import java.util.Locale;

/**
 * A linear system in discrete time: {@code x_k = Ā·x_{k−1} + B̄·u_k}, {@code y_k = C·x_k + D·u_k}.
 *
 * <p>The input u_k acts within step k, so it reaches y_k already (the convention of S4 and Mamba;
 * control theory delays it by one step). u_k is the value held between the times (k−1)·Δ and k·Δ,
 * and x_k is the state at k·Δ.
 *
 * <p>Two views give the same outputs: {@link #recurrent(double[][], double[])} costs one
 * application of Ā a step and carries a state; {@link #convolve(double[][])} computes {@code y = K
 * * u + D·u} with the kernel {@code K_j = C·Ā^j·B̄} by fast Fourier transform (Gu, Goel and Ré
 * 2021, arXiv 2111.00396, equations 4 and 5). Instances are immutable and safe to share between
 * threads.
 */
public final class DiscreteStateSpace {

  private static final String NAME = "DiscreteStateSpace";

  private final SystemForm form;
  private final double[][] d;
  private final Discretization method;
  private final double step;

  DiscreteStateSpace(SystemForm form, double[][] d, Discretization method, double step) {
    this.form = form;
    this.d = d;
    this.method = method;
    this.step = step;
  }

  /**
   * Returns how many real numbers the state has.
   *
   * @return the state size, positive
   */
  public int stateSize() {
    return form.stateSize();
  }

  /**
   * Returns how many inputs the system has.
   *
   * @return the number of inputs, positive
   */
  public int inputs() {
    return form.inputs();
  }

  /**
   * Returns how many outputs the system has.
   *
   * @return the number of outputs, positive
   */
  public int outputs() {
    return form.outputs();
  }

  /**
   * Returns the rule that made this system.
   *
   * @return the discretisation
   */
  public Discretization method() {
    return method;
  }

  /**
   * Returns the step size this system was made for.
   *
   * @return Δ, positive
   */
  public double step() {
    return step;
  }

  /**
   * Returns the discrete state matrix in real form.
   *
   * @return a copy of Ā, [stateSize, stateSize]
   */
  public double[][] aBar() {
    return form.a();
  }

  /**
   * Returns the discrete input matrix in real form.
   *
   * @return a copy of B̄, [stateSize, inputs]
   */
  public double[][] bBar() {
    return form.b();
  }

  /**
   * Returns the output matrix in real form.
   *
   * @return a copy of C, [outputs, stateSize]
   */
  public double[][] c() {
    return form.c();
  }

  /**
   * Returns the feed-through matrix.
   *
   * @return a copy of D, [outputs, inputs]
   */
  public double[][] d() {
    return Checks.copy(d);
  }

  /**
   * Runs the recurrence over an input sequence.
   *
   * <p>Time is length·stateSize² for dense systems and length·stateSize for diagonal ones.
   *
   * @param u the inputs, [length, inputs]; length may be 0
   * @param initialState the state before the first input, [stateSize]; not written
   * @return the outputs, [length, outputs], and the state after the last input
   * @throws IllegalArgumentException if a shape does not fit or a number is NaN or infinite
   */
  public Response recurrent(double[][] u, double[] initialState) {
    checkInput("recurrent", u);
    Checks.vector(NAME + ".recurrent", "initialState", initialState, stateSize(), "[stateSize]");
    double[] state = initialState.clone();
    double[][] y = new double[u.length][outputs()];
    for (int k = 0; k < u.length; k++) {
      form.advance(state, u[k]);
      form.read(state, y[k]);
      addFeedThrough(u[k], y[k]);
    }
    return new Response(y, state);
  }

  /**
   * Runs the recurrence of a system with one input and one output from the zero state.
   *
   * @param u the inputs, [length]
   * @return the outputs, [length]
   * @throws IllegalArgumentException if the system has more inputs or outputs, or a number is NaN
   *     or infinite
   */
  public double[] recurrent(double[] u) {
    requireSingle("recurrent");
    return columnOf(recurrent(asColumn(u), new double[stateSize()]).outputs());
  }

  /**
   * Returns the convolution kernel {@code K_j = C·Ā^j·B̄}; D is not part of it.
   *
   * @param length how many taps, positive
   * @return the taps K_0 … K_{length−1}, [length, outputs, inputs]
   * @throws IllegalArgumentException if the length is not positive
   */
  public double[][][] kernel(int length) {
    Checks.positive(NAME + ".kernel", "length", length);
    double[][][] taps = new double[length][outputs()][inputs()];
    double[] zero = new double[inputs()];
    double[] read = new double[outputs()];
    for (int p = 0; p < inputs(); p++) {
      double[] state = new double[stateSize()];
      double[] impulse = zero.clone();
      impulse[p] = 1;
      for (int j = 0; j < length; j++) {
        form.advance(state, j == 0 ? impulse : zero);
        form.read(state, read);
        for (int q = 0; q < read.length; q++) {
          taps[j][q][p] = read[q];
        }
      }
    }
    return taps;
  }

  /**
   * Convolves an input sequence with the kernel by fast Fourier transform; the initial state is
   * zero.
   *
   * <p>Time is length·log(length) for the transforms, after the kernel of {@link #kernel(int)}.
   *
   * @param u the inputs, [length, inputs]; length may be 0
   * @return the outputs, [length, outputs], equal to those of the recurrence up to rounding
   * @throws IllegalArgumentException if a shape does not fit, a number is NaN or infinite, or the
   *     length is above 2²⁹
   */
  public double[][] convolve(double[][] u) {
    checkInput("convolve", u);
    if (u.length == 0) {
      return new double[0][];
    }
    double[][] y = FftConvolution.causal(kernel(u.length), u);
    for (int k = 0; k < u.length; k++) {
      addFeedThrough(u[k], y[k]);
    }
    return y;
  }

  /**
   * Convolves the input of a system with one input and one output with its kernel.
   *
   * @param u the inputs, [length]
   * @return the outputs, [length]
   * @throws IllegalArgumentException if the system has more inputs or outputs, a number is NaN or
   *     infinite, or the length is above 2²⁹
   */
  public double[] convolve(double[] u) {
    requireSingle("convolve");
    return columnOf(convolve(asColumn(u)));
  }

  private void addFeedThrough(double[] input, double[] output) {
    for (int q = 0; q < output.length; q++) {
      for (int p = 0; p < input.length; p++) {
        output[q] += d[q][p] * input[p];
      }
    }
  }

  private void checkInput(String call, double[][] u) {
    Checks.matrix(NAME + "." + call, "u", u, u.length, inputs(), "[length, inputs]");
  }

  private void requireSingle(String call) {
    if (inputs() != 1 || outputs() != 1) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "%s.%s: u has shape [length], expected [length, inputs]"
                  + " (the system has %d inputs and %d outputs)",
              NAME,
              call,
              inputs(),
              outputs()));
    }
  }

  private static double[][] asColumn(double[] u) {
    return Arrays.stream(u).mapToObj(value -> new double[] {value}).toArray(double[][]::new);
  }

  private static double[] columnOf(double[][] y) {
    return Arrays.stream(y).mapToDouble(row -> row[0]).toArray();
  }
}
