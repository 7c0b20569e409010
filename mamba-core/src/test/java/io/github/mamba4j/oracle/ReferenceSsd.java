package io.github.mamba4j.oracle;

import java.util.Map;

/**
 * The scan of Mamba-2 in float64, one step after the other, straight from its recurrence.
 *
 * <p>Inputs come by name: {@code x} [batch, length, heads · headDim], {@code dt} [batch, length,
 * heads], {@code a} [heads], {@code b, c} [batch, length, groups · dState], and optionally {@code
 * dSkip} [heads] or [heads · headDim], {@code dtBias} [heads], {@code initialState} [batch, dState,
 * heads · headDim].
 */
public final class ReferenceSsd {
  private ReferenceSsd() {}

  /**
   * The sizes of a scan.
   *
   * @param batch sequences
   * @param length time steps
   * @param heads heads
   * @param headDim channels a head
   * @param groups groups of B and C
   * @param dState states a channel
   * @param stepMin lower bound of Δ
   * @param stepMax upper bound of Δ
   */
  public record Shape(
      int batch,
      int length,
      int heads,
      int headDim,
      int groups,
      int dState,
      double stepMin,
      double stepMax) {
    /** Channels. */
    public int dInner() {
      return heads * headDim;
    }
  }

  /**
   * h_t = e^(Δ_t·a)·h_{t−1} + Δ_t·B_t·x_t; y_t = C_t·h_t + D·x_t.
   *
   * @param shape sizes
   * @param in the named arrays above
   * @return outputs, and the state after the last step as [batch, dState, dInner]
   */
  public static ReferenceScan.Result scan(Shape shape, Map<String, double[]> in) {
    double[] out = new double[in.get("x").length];
    double[] initial = in.get("initialState");
    double[] state =
        initial == null ? new double[shape.batch * shape.dState * shape.dInner()] : initial.clone();
    for (int i = 0; i < shape.batch; i++) {
      for (int t = 0; t < shape.length; t++) {
        for (int e = 0; e < shape.dInner(); e++) {
          out[(i * shape.length + t) * shape.dInner() + e] = step(shape, in, state, i, t, e);
        }
      }
    }
    return new ReferenceScan.Result(out, state);
  }

  private static double step(
      Shape shape, Map<String, double[]> in, double[] state, int i, int t, int e) {
    int head = e / shape.headDim;
    int row = i * shape.length + t;
    double raw = in.get("dt")[row * shape.heads + head];
    if (in.containsKey("dtBias")) {
      raw += in.get("dtBias")[head];
    }
    double delta = Math.clamp(ReferenceOps.softplus(raw), shape.stepMin, shape.stepMax);
    double decay = Math.exp(delta * in.get("a")[head]);
    double x = in.get("x")[row * shape.dInner() + e];
    double[] skip = in.get("dSkip");
    double y = skip == null ? 0 : x * skip[skip.length == shape.heads ? head : e];
    int group = head / (shape.heads / shape.groups);
    int projected = (row * shape.groups + group) * shape.dState;
    for (int n = 0; n < shape.dState; n++) {
      int at = (i * shape.dState + n) * shape.dInner() + e;
      state[at] = decay * state[at] + delta * in.get("b")[projected + n] * x;
      y += in.get("c")[projected + n] * state[at];
    }
    return y;
  }
}
