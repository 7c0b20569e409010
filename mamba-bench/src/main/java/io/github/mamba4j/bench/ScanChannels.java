package io.github.mamba4j.bench;

import io.github.mamba4j.spi.ScanKernels.Inputs;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The inputs of a scan of one sequence, and what the equations give for some of its channels in
 * double precision, step by step.
 */
public final class ScanChannels {
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

  /** Draws inputs of the size that a freshly initialised layer has. */
  public ScanChannels(int length, int dInner, int dState) {
    this.length = length;
    this.dInner = dInner;
    this.dState = dState;
    SplittableRandom random = new SplittableRandom(1);
    long wide = (long) length * dInner;
    long narrow = (long) length * dState;
    u = uniform(random, wide, -1, 1);
    dt = uniform(random, wide, -0.5, 0.5);
    a = new float[dInner * dState];
    for (int i = 0; i < a.length; i++) {
      a[i] = -(i / dInner + 1);
    }
    b = uniform(random, narrow, -1, 1);
    c = uniform(random, narrow, -1, 1);
    dSkip = uniform(random, dInner, 0.5, 1);
    z = uniform(random, wide, -1, 1);
    // softplus of these is within the range [0.001, 0.1] of upstream's initialisation.
    dtBias = uniform(random, dInner, -6.9, -2.3);
    outGrad = uniform(random, wide, -1, 1);
  }

  private static float[] uniform(SplittableRandom random, long count, double low, double high) {
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(low, high);
    }
    return values;
  }

  /** Returns the number of steps. */
  public int length() {
    return length;
  }

  /** Returns the number of channels. */
  public int dInner() {
    return dInner;
  }

  /** Returns the number of states of a channel. */
  public int dState() {
    return dState;
  }

  /** Returns copies of the inputs on a backend. */
  public Inputs inputs(BenchmarkMemory memory) {
    return new Inputs(
        memory.matrix(u, dInner),
        memory.matrix(dt, dInner),
        memory.matrix(a, dInner),
        memory.matrix(b, dState),
        memory.matrix(c, dState),
        memory.matrix(dSkip, dInner),
        memory.matrix(z, dInner),
        memory.matrix(dtBias, dInner),
        null);
  }

  /** Returns the inputs by name, as in [length, dInner], [length, dState], [dState, dInner] (a). */
  public Map<String, float[]> arrays() {
    return Map.of(
        "u", u, "dt", dt, "a", a, "b", b, "c", c, "dSkip", dSkip, "z", z, "dtBias", dtBias);
  }

  /** Returns the gradient of the result, [length, dInner]. */
  public float[] outGrad() {
    return outGrad;
  }

  /** Compares the forward scan's result, [length, dInner]. */
  public void checkOut(float[] out) {
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
  public void checkGradients(float[] uGrad, float[] dtGrad) {
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
