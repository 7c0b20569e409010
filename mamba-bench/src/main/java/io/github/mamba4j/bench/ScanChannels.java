package io.github.mamba4j.bench;

import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.View;

/**
 * The inputs of a scan of one sequence, and what the equations give for some of its channels in
 * double precision, step by step.
 */
final class ScanChannels {
  private static final int CHECKED_CHANNELS = 8;
  private static final double TOLERANCE = 1e-4;

  private final int length;
  private final int dInner;
  private final int dState;
  private final float[] u;
  private final float[] dt;
  private final float[] a;
  private final float[] b;
  private final float[] c;
  private final float[] dSkip;
  private final float[] z;
  private final float[] dtBias;
  private final float[] outGrad;
  private final Inputs inputs;
  private final View outGradView;

  /** Draws inputs of the size that a freshly initialised layer has. */
  ScanChannels(BenchmarkMemory memory, int length, int dInner, int dState) {
    this.length = length;
    this.dInner = dInner;
    this.dState = dState;
    long wide = (long) length * dInner;
    long narrow = (long) length * dState;
    u = memory.uniform(wide, -1, 1);
    dt = memory.uniform(wide, -0.5, 0.5);
    a = new float[dInner * dState];
    for (int i = 0; i < a.length; i++) {
      a[i] = -(i / dInner + 1);
    }
    b = memory.uniform(narrow, -1, 1);
    c = memory.uniform(narrow, -1, 1);
    dSkip = memory.uniform(dInner, 0.5, 1);
    z = memory.uniform(wide, -1, 1);
    // softplus of these is within the range [0.001, 0.1] of upstream's initialisation.
    dtBias = memory.uniform(dInner, -6.9, -2.3);
    outGrad = memory.uniform(wide, -1, 1);
    inputs =
        new Inputs(
            memory.matrix(u, dInner),
            memory.matrix(dt, dInner),
            memory.matrix(a, dInner),
            memory.matrix(b, dState),
            memory.matrix(c, dState),
            memory.matrix(dSkip, dInner),
            memory.matrix(z, dInner),
            memory.matrix(dtBias, dInner),
            null);
    outGradView = memory.matrix(outGrad, dInner);
  }

  Inputs inputs() {
    return inputs;
  }

  View outGrad() {
    return outGradView;
  }

  /** Compares the forward scan's result, [length, dInner]. */
  void checkOut(float[] out) {
    for (int channel : checkedChannels()) {
      double[][] states = states(channel);
      double[] expected = new double[length];
      for (int t = 0; t < length; t++) {
        double y = (double) dSkip[channel] * at(u, t, channel);
        for (int n = 0; n < dState; n++) {
          y += c[t * dState + n] * states[t][n];
        }
        expected[t] = y * gate(t, channel);
      }
      Agreement.check("out of channel " + channel, column(out, channel), expected, TOLERANCE);
    }
  }

  /** Compares the backward scan's gradients of u and dt, [length, dInner]. */
  void checkGradients(float[] uGrad, float[] dtGrad) {
    for (int channel : checkedChannels()) {
      double[][] states = states(channel);
      double[] uExpected = new double[length];
      double[] dtExpected = new double[length];
      double[] stateGrad = new double[dState];
      for (int t = length - 1; t >= 0; t--) {
        double yGrad = at(outGrad, t, channel) * gate(t, channel);
        double delta = delta(t, channel);
        double deltaGrad = 0;
        uExpected[t] = dSkip[channel] * yGrad;
        for (int n = 0; n < dState; n++) {
          double rate = a[n * dInner + channel];
          double decay = Math.exp(delta * rate);
          double before = t == 0 ? 0 : states[t - 1][n];
          double input = b[t * dState + n];
          stateGrad[n] += yGrad * c[t * dState + n];
          uExpected[t] += stateGrad[n] * delta * input;
          deltaGrad += stateGrad[n] * (rate * decay * before + input * at(u, t, channel));
          stateGrad[n] *= decay;
        }
        // The derivative of softplus is the logistic function, 1 − exp(−softplus).
        dtExpected[t] = deltaGrad * -Math.expm1(-delta);
      }
      Agreement.check("uGrad of " + channel, column(uGrad, channel), uExpected, TOLERANCE);
      Agreement.check("dtGrad of " + channel, column(dtGrad, channel), dtExpected, TOLERANCE);
    }
  }

  private int[] checkedChannels() {
    int[] channels = new int[CHECKED_CHANNELS];
    for (int i = 0; i < CHECKED_CHANNELS; i++) {
      channels[i] = i * (dInner - 1) / (CHECKED_CHANNELS - 1);
    }
    return channels;
  }

  /** Runs h_t = exp(Δ·A)·h_{t−1} + Δ·B·u and returns the states after each step. */
  private double[][] states(int channel) {
    double[][] states = new double[length][dState];
    for (int t = 0; t < length; t++) {
      double delta = delta(t, channel);
      for (int n = 0; n < dState; n++) {
        double before = t == 0 ? 0 : states[t - 1][n];
        states[t][n] =
            Math.exp(delta * a[n * dInner + channel]) * before
                + delta * b[t * dState + n] * at(u, t, channel);
      }
    }
    return states;
  }

  private double delta(int t, int channel) {
    return Math.log1p(Math.exp((double) at(dt, t, channel) + dtBias[channel]));
  }

  private double gate(int t, int channel) {
    double x = at(z, t, channel);
    return x / (1 + Math.exp(-x));
  }

  private float at(float[] matrix, int t, int channel) {
    return matrix[t * dInner + channel];
  }

  private float[] column(float[] matrix, int channel) {
    float[] column = new float[length];
    for (int t = 0; t < length; t++) {
      column[t] = at(matrix, t, channel);
    }
    return column;
  }
}
