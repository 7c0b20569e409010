package io.github.mamba4j.ssm;

/**
 * A linear time-invariant system in continuous time: {@code x'(t) = A·x(t) + B·u(t)}, {@code y(t) =
 * C·x(t) + D·u(t)}.
 *
 * <p>Instances are immutable and safe to share between threads; arrays are copied on the way in and
 * out. Three forms exist: {@linkplain #dense dense}, {@linkplain #diagonal real diagonal} and
 * {@linkplain #conjugatePairs complex diagonal} with conjugate pairs. {@link #a()}, {@link #b()}
 * and {@link #c()} give the equivalent real matrices of each form.
 *
 * <p>Source: Gu, Goel and Ré 2021 (arXiv 2111.00396), equation 1; the diagonal forms are those of
 * Gu, Gupta, Goel and Ré 2022 (arXiv 2206.11893).
 */
public final class StateSpace {

  private static final String NAME = "StateSpace";

  private final SystemForm form;
  private final double[][] d;

  private StateSpace(SystemForm form, double[][] d) {
    this.form = form;
    this.d = d;
  }

  /**
   * Returns a system with full matrices.
   *
   * @param a the state matrix A, [stateSize, stateSize]
   * @param b the input matrix B, [stateSize, inputs]
   * @param c the output matrix C, [outputs, stateSize]
   * @param d the feed-through matrix D, [outputs, inputs]
   * @return the system
   * @throws IllegalArgumentException if a matrix is empty, a shape does not fit, or an entry is NaN
   *     or infinite
   */
  public static StateSpace dense(double[][] a, double[][] b, double[][] c, double[][] d) {
    Checks.columns(NAME, "a", a);
    Checks.matrix(NAME, "a", a, a.length, a.length, "[stateSize, stateSize]");
    checkShapes(a.length, b, c, d);
    return new StateSpace(
        new DenseForm(Checks.copy(a), Checks.copy(b), Checks.copy(c)), Checks.copy(d));
  }

  /**
   * Returns a system with full state matrix, one input and one output.
   *
   * @param a the state matrix A, [stateSize, stateSize]
   * @param b the input vector B, [stateSize]
   * @param c the output vector C, [stateSize]
   * @param d the feed-through D
   * @return the system
   * @throws IllegalArgumentException if a shape does not fit or a number is NaN or infinite
   */
  public static StateSpace dense(double[][] a, double[] b, double[] c, double d) {
    return dense(a, column(b), new double[][] {c}, new double[][] {{d}});
  }

  /**
   * Returns a system whose state matrix is real and diagonal.
   *
   * @param a the diagonal of A, [stateSize]
   * @param b the input matrix B, [stateSize, inputs]
   * @param c the output matrix C, [outputs, stateSize]
   * @param d the feed-through matrix D, [outputs, inputs]
   * @return the system
   * @throws IllegalArgumentException if a matrix is empty, a shape does not fit, or an entry is NaN
   *     or infinite
   */
  public static StateSpace diagonal(double[] a, double[][] b, double[][] c, double[][] d) {
    Checks.positive(NAME, "length of a", a.length);
    Checks.vector(NAME, "a", a, a.length, "[stateSize]");
    checkShapes(a.length, b, c, d);
    DiagonalForm form =
        new DiagonalForm(
            Checks.complex(a, new double[a.length]),
            Checks.complex(b, new double[b.length][b[0].length]),
            Checks.complex(c, new double[c.length][a.length]),
            false);
    return new StateSpace(form, Checks.copy(d));
  }

  /**
   * Returns a system whose state matrix is complex and diagonal, given by one mode of each
   * conjugate pair.
   *
   * <p>With h'(t) = a·h(t) + B·u(t) for the given modes, the output is {@code y(t) = 2·Re(C·h(t)) +
   * D·u(t)}. The real state vector holds the real parts of all modes, then the imaginary parts, so
   * stateSize = 2·modes. A mode with imaginary part 0 counts twice in the output as well.
   *
   * @param aReal the real parts of the diagonal of A, [modes]
   * @param aImaginary the imaginary parts of the diagonal of A, [modes]
   * @param bReal the real parts of B, [modes, inputs]
   * @param bImaginary the imaginary parts of B, [modes, inputs]
   * @param cReal the real parts of C, [outputs, modes]
   * @param cImaginary the imaginary parts of C, [outputs, modes]
   * @param d the feed-through matrix D, real, [outputs, inputs]
   * @return the system
   * @throws IllegalArgumentException if a matrix is empty, a shape does not fit, or an entry is NaN
   *     or infinite
   */
  public static StateSpace conjugatePairs(
      double[] aReal,
      double[] aImaginary,
      double[][] bReal,
      double[][] bImaginary,
      double[][] cReal,
      double[][] cImaginary,
      double[][] d) {
    int modes = aReal.length;
    Checks.positive(NAME, "length of aReal", modes);
    Checks.vector(NAME, "aReal", aReal, modes, "[modes]");
    Checks.vector(NAME, "aImaginary", aImaginary, modes, "[modes]");
    int inputs = Checks.columns(NAME, "bReal", bReal);
    Checks.matrix(NAME, "bReal", bReal, modes, inputs, "[modes, inputs]");
    Checks.matrix(NAME, "bImaginary", bImaginary, modes, inputs, "[modes, inputs]");
    Checks.columns(NAME, "cReal", cReal);
    int outputs = cReal.length;
    Checks.matrix(NAME, "cReal", cReal, outputs, modes, "[outputs, modes]");
    Checks.matrix(NAME, "cImaginary", cImaginary, outputs, modes, "[outputs, modes]");
    Checks.matrix(NAME, "d", d, outputs, inputs, "[outputs, inputs]");
    DiagonalForm form =
        new DiagonalForm(
            Checks.complex(aReal, aImaginary),
            Checks.complex(bReal, bImaginary),
            Checks.complex(cReal, cImaginary),
            true);
    return new StateSpace(form, Checks.copy(d));
  }

  /**
   * Returns how many real numbers the state has.
   *
   * @return the state size, positive; 2·modes for conjugate pairs
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
   * Returns whether the state matrix is stored as a diagonal, real or complex.
   *
   * @return true for the diagonal forms
   */
  public boolean isDiagonal() {
    return form instanceof DiagonalForm;
  }

  /**
   * Returns the real state matrix. For conjugate pairs it has a block [Re a, −Im a; Im a, Re a] a
   * mode, spread over the rows n and modes + n.
   *
   * @return a copy of A, [stateSize, stateSize]
   */
  public double[][] a() {
    return form.a();
  }

  /**
   * Returns the real input matrix.
   *
   * @return a copy of B, [stateSize, inputs]
   */
  public double[][] b() {
    return form.b();
  }

  /**
   * Returns the real output matrix. For conjugate pairs it is [2·Re C, −2·Im C].
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
   * Returns the same system with full real matrices; its state vector is the same.
   *
   * @return this system in dense form
   */
  public StateSpace toDense() {
    return new StateSpace(new DenseForm(a(), b(), c()), d);
  }

  /**
   * Returns the discrete-time system for a step size.
   *
   * @param method how Ā and B̄ follow from A, B and the step
   * @param step the step size Δ, positive and finite, in the time unit of A
   * @return the discrete system
   * @throws IllegalArgumentException if the step is not positive and finite, if the method's result
   *     is not finite (an unstable system and a large step), or if {@link Discretization#BILINEAR}
   *     meets an eigenvalue of A at 2/Δ
   */
  public DiscreteStateSpace discretize(Discretization method, double step) {
    if (!(step > 0) || step == Double.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(NAME + ": step must be positive and finite, got " + step);
    }
    SystemForm discrete = form.discretize(method, step);
    if (!finite(discrete.a()) || !finite(discrete.b())) {
      throw new IllegalArgumentException(
          NAME
              + ": step "
              + step
              + " makes the "
              + method
              + " matrices overflow, expected a smaller step (or an A with negative real parts)");
    }
    return new DiscreteStateSpace(discrete, Checks.copy(d), method, step);
  }

  private static void checkShapes(int stateSize, double[][] b, double[][] c, double[][] d) {
    int inputs = Checks.columns(NAME, "b", b);
    Checks.matrix(NAME, "b", b, stateSize, inputs, "[stateSize, inputs]");
    Checks.columns(NAME, "c", c);
    Checks.matrix(NAME, "c", c, c.length, stateSize, "[outputs, stateSize]");
    Checks.matrix(NAME, "d", d, c.length, inputs, "[outputs, inputs]");
  }

  private static double[][] column(double[] vector) {
    double[][] matrix = new double[vector.length][1];
    for (int i = 0; i < vector.length; i++) {
      matrix[i][0] = vector[i];
    }
    return matrix;
  }

  private static boolean finite(double[][] matrix) {
    for (double[] row : matrix) {
      for (double value : row) {
        if (!Double.isFinite(value)) {
          return false;
        }
      }
    }
    return true;
  }
}
