package io.github.mamba4j.ssm;

import org.apache.commons.math3.complex.Complex;

/**
 * A, B and C of a system whose A is diagonal; applying A costs one multiplication a mode.
 *
 * <p>Real modes: state h[n], output C·h. Conjugate pairs: each stored complex mode stands for
 * itself and for its conjugate, so that the output is the real number 2·Re(C·h); the state vector
 * then holds all real parts followed by all imaginary parts.
 */
final class DiagonalForm implements SystemForm {

  private final Complex[] a;
  private final Complex[][] b;
  private final Complex[][] c;
  private final boolean pairs;

  /**
   * Takes ownership of the arrays, whose shapes the caller has checked.
   *
   * @param a the diagonal, [modes]
   * @param b the input matrix, [modes, inputs]
   * @param c the output matrix, [outputs, modes]
   * @param pairs whether each mode stands for a conjugate pair; if not, all values are real
   */
  DiagonalForm(Complex[] a, Complex[][] b, Complex[][] c, boolean pairs) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.pairs = pairs;
  }

  @Override
  public int stateSize() {
    return pairs ? 2 * a.length : a.length;
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
    int modes = a.length;
    double[][] real = new double[stateSize()][stateSize()];
    for (int n = 0; n < modes; n++) {
      real[n][n] = a[n].getReal();
      if (pairs) {
        real[n][modes + n] = -a[n].getImaginary();
        real[modes + n][n] = a[n].getImaginary();
        real[modes + n][modes + n] = a[n].getReal();
      }
    }
    return real;
  }

  @Override
  public double[][] b() {
    int modes = a.length;
    double[][] real = new double[stateSize()][inputs()];
    for (int n = 0; n < modes; n++) {
      for (int p = 0; p < inputs(); p++) {
        real[n][p] = b[n][p].getReal();
        if (pairs) {
          real[modes + n][p] = b[n][p].getImaginary();
        }
      }
    }
    return real;
  }

  @Override
  public double[][] c() {
    int modes = a.length;
    double[][] real = new double[outputs()][stateSize()];
    for (int q = 0; q < outputs(); q++) {
      for (int n = 0; n < modes; n++) {
        if (pairs) {
          real[q][n] = 2 * c[q][n].getReal();
          real[q][modes + n] = -2 * c[q][n].getImaginary();
        } else {
          real[q][n] = c[q][n].getReal();
        }
      }
    }
    return real;
  }

  @Override
  public SystemForm discretize(Discretization method, double step) {
    Complex[] aBar = new Complex[a.length];
    Complex[][] bBar = new Complex[a.length][inputs()];
    for (int n = 0; n < a.length; n++) {
      aBar[n] = method.decay(a[n], step);
      Complex gain = method.gain(a[n], step);
      for (int p = 0; p < inputs(); p++) {
        bBar[n][p] = gain.multiply(b[n][p]);
      }
    }
    return new DiagonalForm(aBar, bBar, c, pairs);
  }

  @Override
  public void advance(double[] state, double[] input) {
    int modes = a.length;
    for (int n = 0; n < modes; n++) {
      double real = state[n];
      double imaginary = pairs ? state[modes + n] : 0;
      double nextReal = a[n].getReal() * real - a[n].getImaginary() * imaginary;
      double nextImaginary = a[n].getReal() * imaginary + a[n].getImaginary() * real;
      for (int p = 0; p < input.length; p++) {
        nextReal += b[n][p].getReal() * input[p];
        nextImaginary += b[n][p].getImaginary() * input[p];
      }
      state[n] = nextReal;
      if (pairs) {
        state[modes + n] = nextImaginary;
      }
    }
  }

  @Override
  public void read(double[] state, double[] output) {
    int modes = a.length;
    for (int q = 0; q < c.length; q++) {
      double sum = 0;
      for (int n = 0; n < modes; n++) {
        sum += c[q][n].getReal() * state[n];
        if (pairs) {
          sum -= c[q][n].getImaginary() * state[modes + n];
        }
      }
      output[q] = pairs ? 2 * sum : sum;
    }
  }
}
