package io.github.mamba4j.ssm;

import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;

/** A, B and C as full real matrices; applying A costs stateSize² multiplications. */
final class DenseForm implements SystemForm {

  private final double[][] a;
  private final double[][] b;
  private final double[][] c;

  /**
   * Takes ownership of the three arrays, whose shapes the caller has checked.
   *
   * @param a the state matrix, [stateSize, stateSize]
   * @param b the input matrix, [stateSize, inputs]
   * @param c the output matrix, [outputs, stateSize]
   */
  DenseForm(double[][] a, double[][] b, double[][] c) {
    this.a = a;
    this.b = b;
    this.c = c;
  }

  @Override
  public int stateSize() {
    return a.length;
  }

  @Override
  public int inputs() {
    return b[0].length;
  }

  @Override
  public int outputs() {
    return c.length;
  }

  @Override
  public double[][] a() {
    return Checks.copy(a);
  }

  @Override
  public double[][] b() {
    return Checks.copy(b);
  }

  @Override
  public double[][] c() {
    return Checks.copy(c);
  }

  @Override
  public SystemForm discretize(Discretization method, double step) {
    RealMatrix[] bars =
        method.dense(MatrixUtils.createRealMatrix(a), MatrixUtils.createRealMatrix(b), step);
    return new DenseForm(bars[0].getData(), bars[1].getData(), c);
  }

  @Override
  public void advance(double[] state, double[] input) {
    double[] previous = state.clone();
    for (int n = 0; n < a.length; n++) {
      state[n] = dot(a[n], previous) + dot(b[n], input);
    }
  }

  @Override
  public void read(double[] state, double[] output) {
    for (int q = 0; q < c.length; q++) {
      output[q] = dot(c[q], state);
    }
  }

  private static double dot(double[] row, double[] vector) {
    double sum = 0;
    for (int i = 0; i < row.length; i++) {
      sum += row[i] * vector[i];
    }
    return sum;
  }
}
