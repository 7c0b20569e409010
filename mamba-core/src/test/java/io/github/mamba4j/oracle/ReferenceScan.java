package io.github.mamba4j.oracle;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The selective scan and the plain first-order scan, in float64 from their equations.
 *
 * <p>Inputs of the selective scan come by name, so that gradient checks can go through them: {@code
 * u, dt} [batch, length, dInner], {@code a} [dInner, dState], {@code b, c} [batch, length, dState],
 * and optionally {@code dSkip} [dInner], {@code z} [batch, length, dInner], {@code dtBias}
 * [dInner], {@code initialState} [batch, dInner, dState].
 *
 * <p>The kernels keep states as [batch, dState, dInner]: {@link ReferenceOps#transpose} with
 * (dInner, dState) or (dState, dInner) goes from one order to the other.
 */
public final class ReferenceScan {

  private ReferenceScan() {}

  /** How B̄ follows from Δ, A and B. */
  public enum Rule {
    /** B̄ = Δ·B. */
    EULER,
    /** B̄ = (e^(ΔA) − 1)/A·B, and Δ·B for A = 0. */
    ZOH
  }

  /**
   * The sizes and switches of a selective scan.
   *
   * @param batch sequences
   * @param length time steps
   * @param dInner channels
   * @param dState states a channel
   * @param rule how B̄ is formed
   * @param softplus true if Δ = softplus(dt + dtBias), false if Δ = dt + dtBias
   */
  public record Shape(int batch, int length, int dInner, int dState, Rule rule, boolean softplus) {}

  /** What a selective scan returns. */
  public static final class Result {

    private final double[] out;
    private final double[] finalState;

    Result(double[] out, double[] finalState) {
      this.out = out;
      this.finalState = finalState;
    }

    /** The gated outputs, [batch, length, dInner]. */
    public double[] out() {
      return out;
    }

    /** The state after the last step, [batch, dInner, dState]. */
    public double[] finalState() {
      return finalState;
    }
  }

  /**
   * h_t = e^(Δ_t·A)·h_{t−1} + B̄_t·u_t; y_t = Σ_n C_t[n]·h_t[n] + D·u_t; out_t = y_t·silu(z_t).
   *
   * @param shape sizes and switches
   * @param inputs the named arrays above
   * @return outputs and final state
   */
  public static Result selectiveScan(Shape shape, Map<String, double[]> inputs) {
    int dInner = shape.dInner;
    int dState = shape.dState;
    checkInputs(shape, inputs);
    double[] u = required(inputs, "u");
    double[] z = inputs.get("z");
    double[] initialState = inputs.get("initialState");
    double[] out = new double[u.length];
    double[] state =
        initialState == null ? new double[shape.batch * dInner * dState] : initialState.clone();
    for (int i = 0; i < shape.batch; i++) {
      for (int e = 0; e < dInner; e++) {
        for (int t = 0; t < shape.length; t++) {
          int step = i * shape.length + t;
          double y = step(shape, inputs, state, i, step, e);
          int at = step * dInner + e;
          out[at] = z == null ? y : y * ReferenceOps.silu(z[at]);
        }
      }
    }
    return new Result(out, state);
  }

  /** Moves the state of one channel by one step and returns its output before the gate. */
  private static double step(
      Shape shape, Map<String, double[]> inputs, double[] state, int sequence, int step, int e) {
    int dState = shape.dState;
    double[] a = required(inputs, "a");
    double[] b = required(inputs, "b");
    double[] c = required(inputs, "c");
    double[] dSkip = inputs.get("dSkip");
    double u = required(inputs, "u")[step * shape.dInner + e];
    double delta = delta(shape, inputs, step, e);
    double y = dSkip == null ? 0 : dSkip[e] * u;
    for (int n = 0; n < dState; n++) {
      int at = (sequence * shape.dInner + e) * dState + n;
      double an = a[e * dState + n];
      double gain = shape.rule == Rule.EULER || an == 0 ? delta : Math.expm1(delta * an) / an;
      state[at] = Math.exp(delta * an) * state[at] + gain * b[step * dState + n] * u;
      y += c[step * dState + n] * state[at];
    }
    return y;
  }

  private static double delta(Shape shape, Map<String, double[]> inputs, int step, int e) {
    double[] dtBias = inputs.get("dtBias");
    double raw = required(inputs, "dt")[step * shape.dInner + e] + (dtBias == null ? 0 : dtBias[e]);
    return shape.softplus ? ReferenceOps.softplus(raw) : raw;
  }

  /**
   * h_t = a_t·h_{t−1} + b_t in every column, from the first step to the last or back.
   *
   * @param length time steps
   * @param width independent columns
   * @param reverse true to run from the last step to the first
   * @param a factors, [batch, length, width]
   * @param b terms, [batch, length, width]
   * @param initial state before the first step taken, [batch, width], or null for zeros
   * @return the states, [batch, length, width]
   */
  public static double[] prefixScan(
      int length, int width, boolean reverse, double[] a, double[] b, double @Nullable [] initial) {
    ReferenceOps.requireSize("prefixScan: b", b, a.length);
    double[] out = new double[a.length];
    for (int i = 0; i < a.length / (length * width); i++) {
      for (int w = 0; w < width; w++) {
        double h = initial == null ? 0 : initial[i * width + w];
        for (int k = 0; k < length; k++) {
          int t = reverse ? length - 1 - k : k;
          int at = (i * length + t) * width + w;
          h = a[at] * h + b[at];
          out[at] = h;
        }
      }
    }
    return out;
  }

  private static void checkInputs(Shape shape, Map<String, double[]> inputs) {
    int steps = shape.batch * shape.length;
    Map<String, Integer> sizes =
        Map.of(
            "u", steps * shape.dInner,
            "dt", steps * shape.dInner,
            "a", shape.dInner * shape.dState,
            "b", steps * shape.dState,
            "c", steps * shape.dState,
            "dSkip", shape.dInner,
            "z", steps * shape.dInner,
            "dtBias", shape.dInner,
            "initialState", shape.batch * shape.dInner * shape.dState);
    inputs.forEach((name, array) -> {
      Integer size = sizes.get(name);
      if (size == null) {
        throw new IllegalArgumentException(
            "selectiveScan: input " + name + " is none of " + sizes.keySet());
      }
      ReferenceOps.requireSize("selectiveScan: " + name, array, size);
    });
  }

  private static double[] required(Map<String, double[]> inputs, String name) {
    double[] array = inputs.get(name);
    if (array == null) {
      throw new IllegalArgumentException("selectiveScan: input " + name + " is missing");
    }
    return array;
  }
}
