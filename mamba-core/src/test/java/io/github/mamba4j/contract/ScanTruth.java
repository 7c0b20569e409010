package io.github.mamba4j.contract;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Shape;

/**
 * The selective scan and its gradients in double precision, step by step from the equations, with
 * every state kept. Arrays are contiguous; the names are those of the kernel's arguments.
 */
final class ScanTruth {
  final Shape shape;
  final double[] u;
  final double[] dt;
  final double[] a;
  final double[] b;
  final double[] c;
  final double[] dSkip;
  final double[] z;
  final double[] dtBias;
  final double[] initialState;
  boolean gated = true;

  final double[] out;
  final double[] finalState;

  double[] uGrad = {};
  double[] dtGrad = {};
  double[] aGrad = {};
  double[] bGrad = {};
  double[] cGrad = {};
  double[] dSkipGrad = {};
  double[] zGrad = {};
  double[] dtBiasGrad = {};
  double[] initialStateGrad = {};

  private final double[][] states;

  ScanTruth(Shape shape) {
    this.shape = shape;
    int rows = shape.batch() * shape.length();
    u = new double[rows * shape.dInner()];
    dt = new double[rows * shape.dInner()];
    z = new double[rows * shape.dInner()];
    out = new double[rows * shape.dInner()];
    a = new double[shape.dInner() * shape.dState()];
    b = new double[rows * shape.dState()];
    c = new double[rows * shape.dState()];
    dSkip = new double[shape.dInner()];
    dtBias = new double[shape.dInner()];
    initialState = new double[shape.batch() * shape.dState() * shape.dInner()];
    finalState = new double[initialState.length];
    states = new double[shape.length() + 1][initialState.length];
  }

  /** Every input, in the order of {@link #gradients}. */
  double[][] inputs() {
    return new double[][] {u, dt, a, b, c, dSkip, z, dtBias, initialState};
  }

  double[][] gradients() {
    return new double[][] {
      uGrad, dtGrad, aGrad, bGrad, cGrad, dSkipGrad, zGrad, dtBiasGrad, initialStateGrad
    };
  }

  private double raw(int row, int e) {
    return dt[row * shape.dInner() + e] + dtBias[e];
  }

  private double delta(int row, int e) {
    double raw = raw(row, e);
    return shape.softplus() && raw <= 20 ? Math.log1p(Math.exp(raw)) : raw;
  }

  /** {@code B̄/B}. */
  private double gain(double delta, double a) {
    if (shape.discretization() == Discretization.EULER || a == 0) {
      return delta;
    }
    return Math.expm1(delta * a) / a;
  }

  private double gate(int at) {
    return gated ? z[at] / (1 + Math.exp(-z[at])) : 1;
  }

  private int state(int sequence, int n, int e) {
    return (sequence * shape.dState() + n) * shape.dInner() + e;
  }

  /** The result before the gate. */
  private double ungated(int sequence, int t, int e) {
    int row = sequence * shape.length() + t;
    double sum = dSkip[e] * u[row * shape.dInner() + e];
    for (int n = 0; n < shape.dState(); n++) {
      sum += c[row * shape.dState() + n] * states[t + 1][state(sequence, n, e)];
    }
    return sum;
  }

  void forward() {
    states[0] = initialState.clone();
    for (int sequence = 0; sequence < shape.batch(); sequence++) {
      for (int t = 0; t < shape.length(); t++) {
        int row = sequence * shape.length() + t;
        for (int e = 0; e < shape.dInner(); e++) {
          int at = row * shape.dInner() + e;
          for (int n = 0; n < shape.dState(); n++) {
            int s = state(sequence, n, e);
            double diagonal = a[n * shape.dInner() + e];
            states[t + 1][s] =
                Math.exp(delta(row, e) * diagonal) * states[t][s]
                    + gain(delta(row, e), diagonal) * b[row * shape.dState() + n] * u[at];
          }
          out[at] = ungated(sequence, t, e) * gate(at);
        }
      }
    }
    System.arraycopy(states[shape.length()], 0, finalState, 0, finalState.length);
  }

  /** After {@link #forward}. */
  void backward(double[] outGrad, double[] finalStateGrad) {
    uGrad = new double[u.length];
    dtGrad = new double[dt.length];
    aGrad = new double[a.length];
    bGrad = new double[b.length];
    cGrad = new double[c.length];
    dSkipGrad = new double[dSkip.length];
    zGrad = new double[z.length];
    dtBiasGrad = new double[dtBias.length];
    initialStateGrad = finalStateGrad.clone();
    for (int sequence = 0; sequence < shape.batch(); sequence++) {
      for (int t = shape.length() - 1; t >= 0; t--) {
        for (int e = 0; e < shape.dInner(); e++) {
          backward(sequence, t, e, outGrad);
        }
      }
    }
  }

  private void backward(int sequence, int t, int e, double[] outGrad) {
    int row = sequence * shape.length() + t;
    int at = row * shape.dInner() + e;
    double sigmoid = 1 / (1 + Math.exp(-z[at]));
    double y = outGrad[at] * gate(at);
    zGrad[at] = outGrad[at] * ungated(sequence, t, e) * sigmoid * (1 + z[at] * (1 - sigmoid));
    dSkipGrad[e] += y * u[at];
    uGrad[at] += y * dSkip[e];
    double delta = delta(row, e);
    double deltaGrad = 0;
    for (int n = 0; n < shape.dState(); n++) {
      int s = state(sequence, n, e);
      int p = row * shape.dState() + n;
      int d = n * shape.dInner() + e;
      double decay = Math.exp(delta * a[d]);
      double gain = gain(delta, a[d]);
      double before = states[t][s];
      double g = y * c[p] + initialStateGrad[s];
      cGrad[p] += y * states[t + 1][s];
      bGrad[p] += g * gain * u[at];
      uGrad[at] += g * gain * b[p];
      boolean euler = shape.discretization() == Discretization.EULER;
      double gainByDelta = euler ? 1 : decay;
      deltaGrad += g * (a[d] * decay * before + gainByDelta * b[p] * u[at]);
      double gainByA = euler ? 0 : gainByA(delta, a[d]);
      aGrad[d] += g * (delta * decay * before + gainByA * b[p] * u[at]);
      initialStateGrad[s] = decay * g;
    }
    double raw = raw(row, e);
    double slope = shape.softplus() && raw <= 20 ? 1 / (1 + Math.exp(-raw)) : 1;
    dtGrad[at] = deltaGrad * slope;
    dtBiasGrad[e] += deltaGrad * slope;
  }

  private static double gainByA(double delta, double a) {
    double x = delta * a;
    if (Math.abs(x) > 1e-2) {
      return (delta * Math.exp(x) - Math.expm1(x) / a) / a;
    }
    double sum = 0;
    double term = delta * delta / 2;
    for (int k = 0; k < 8; k++) {
      sum += term * (k + 1);
      term *= x / (k + 3);
    }
    return sum;
  }
}
