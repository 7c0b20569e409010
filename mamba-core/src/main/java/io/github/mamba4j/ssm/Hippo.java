package io.github.mamba4j.ssm;

/**
 * The HiPPO-LegS system, whose state holds the coefficients of the input's past in scaled Legendre
 * polynomials.
 *
 * <p>{@code A[n][k] = −√((2n+1)(2k+1))} for n &gt; k, {@code −(n+1)} for n = k, 0 for n &lt; k;
 * {@code B[n] = √(2n+1)}, n from 0. Sources: Gu, Dao, Ermon, Rudra and Ré 2020 (arXiv 2008.07669),
 * theorem 2, without its factor 1/t, as Gu, Goel and Ré 2021 (arXiv 2111.00396), equation 2, use
 * it: the past then fades exponentially.
 */
public final class Hippo {

  private Hippo() {}

  /**
   * Returns the LegS system whose output is the reconstruction of the newest input value: C[n] =
   * √(2n+1), the value of the n-th basis function at the present time, and D = 0. A constant input
   * is reproduced exactly in the limit (its gain at frequency zero is 1).
   *
   * @param stateSize how many coefficients, positive
   * @return a dense system with one input and one output
   * @throws IllegalArgumentException if the state size is not positive
   */
  public static StateSpace legS(int stateSize) {
    return legS(legSInput(stateSize));
  }

  /**
   * Returns the LegS system with a given output vector and D = 0.
   *
   * @param c the output vector C, [stateSize]
   * @return a dense system with one input and one output
   * @throws IllegalArgumentException if c is empty or has a number that is NaN or infinite
   */
  public static StateSpace legS(double[] c) {
    return StateSpace.dense(legSState(c.length), legSInput(c.length), c, 0);
  }

  /**
   * Returns the state matrix of LegS, lower triangular with eigenvalues −1, −2, …, −stateSize.
   *
   * @param stateSize how many coefficients, positive
   * @return A, [stateSize, stateSize]
   * @throws IllegalArgumentException if the state size is not positive
   */
  public static double[][] legSState(int stateSize) {
    Checks.positive("Hippo", "stateSize", stateSize);
    double[][] a = new double[stateSize][stateSize];
    for (int n = 0; n < stateSize; n++) {
      for (int k = 0; k < n; k++) {
        a[n][k] = -Math.sqrt((2.0 * n + 1) * (2.0 * k + 1));
      }
      a[n][n] = -(n + 1.0);
    }
    return a;
  }

  /**
   * Returns the input vector of LegS.
   *
   * @param stateSize how many coefficients, positive
   * @return B, [stateSize]
   * @throws IllegalArgumentException if the state size is not positive
   */
  public static double[] legSInput(int stateSize) {
    Checks.positive("Hippo", "stateSize", stateSize);
    double[] b = new double[stateSize];
    for (int n = 0; n < stateSize; n++) {
      b[n] = Math.sqrt(2.0 * n + 1);
    }
    return b;
  }
}
