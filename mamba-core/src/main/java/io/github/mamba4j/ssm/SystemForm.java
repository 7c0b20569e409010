package io.github.mamba4j.ssm;

/**
 * The matrices A, B and C of a linear system in one storage form.
 *
 * <p>A form serves continuous and discrete systems alike: it only knows how to apply its matrices.
 * Every form has an equivalent real dense one, given by {@link #a()}, {@link #b()} and {@link
 * #c()}, that acts on the same real state vector.
 */
sealed interface SystemForm permits DenseForm, DiagonalForm {

  /** Returns how many real numbers the state has. */
  int stateSize();

  /** Returns how many inputs the system has. */
  int inputs();

  /** Returns how many outputs the system has. */
  int outputs();

  /** Returns a copy of A as a real matrix, [stateSize, stateSize]. */
  double[][] a();

  /** Returns a copy of B as a real matrix, [stateSize, inputs]. */
  double[][] b();

  /** Returns a copy of C as a real matrix, [outputs, stateSize]. */
  double[][] c();

  /** Returns the discrete form of this continuous one; C is the same. */
  SystemForm discretize(Discretization method, double step);

  /** Overwrites {@code state} with A·state + B·input. */
  void advance(double[] state, double[] input);

  /** Overwrites {@code output} with C·state. */
  void read(double[] state, double[] output);
}
