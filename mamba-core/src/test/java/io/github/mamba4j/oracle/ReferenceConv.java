package io.github.mamba4j.oracle;

import org.jspecify.annotations.Nullable;

/** The causal depthwise convolution over time, in float64 from its equation. */
public final class ReferenceConv {

  private ReferenceConv() {}

  /**
   * The sizes of a convolution.
   *
   * @param batch sequences
   * @param length time steps
   * @param channels independent channels
   * @param width taps
   * @param silu true if SiLU follows
   */
  public record Shape(int batch, int length, int channels, int width, boolean silu) {}

  /**
   * out[t] = f(bias + Σ_j w[j]·x[t − (width − 1) + j]), with the initial state (or zeros) before t
   * = 0.
   *
   * @param shape the sizes
   * @param x [batch, length, channels]
   * @param weight [channels, width], the last tap meets the current step
   * @param bias [channels], or null for none
   * @param initialState the inputs before the first, oldest first, [batch, width − 1, channels], or
   *     null for zeros
   * @return [batch, length, channels]
   */
  public static double[] forward(
      Shape shape,
      double[] x,
      double[] weight,
      double @Nullable [] bias,
      double @Nullable [] initialState) {
    ReferenceOps.requireSize("conv: x", x, shape.batch * shape.length * shape.channels);
    ReferenceOps.requireSize("conv: weight", weight, shape.channels * shape.width);
    double[] out = new double[x.length];
    for (int i = 0; i < shape.batch; i++) {
      for (int t = 0; t < shape.length; t++) {
        for (int e = 0; e < shape.channels; e++) {
          double sum = bias == null ? 0 : bias[e];
          for (int j = 0; j < shape.width; j++) {
            sum +=
                weight[e * shape.width + j]
                    * input(shape, x, initialState, i, t - (shape.width - 1) + j, e);
          }
          out[(i * shape.length + t) * shape.channels + e] =
              shape.silu ? ReferenceOps.silu(sum) : sum;
        }
      }
    }
    return out;
  }

  /** The last width − 1 inputs, oldest first, [batch, width − 1, channels]. */
  public static double[] finalState(Shape shape, double[] x, double @Nullable [] initialState) {
    int kept = shape.width - 1;
    double[] state = new double[shape.batch * kept * shape.channels];
    for (int i = 0; i < shape.batch; i++) {
      for (int k = 0; k < kept; k++) {
        for (int e = 0; e < shape.channels; e++) {
          state[(i * kept + k) * shape.channels + e] =
              input(shape, x, initialState, i, shape.length - kept + k, e);
        }
      }
    }
    return state;
  }

  /** The input of a step, which for negative steps lies in the initial state. */
  private static double input(
      Shape shape, double[] x, double @Nullable [] initialState, int sequence, int t, int channel) {
    if (t >= 0) {
      return x[(sequence * shape.length + t) * shape.channels + channel];
    }
    int kept = shape.width - 1;
    return initialState == null
        ? 0
        : initialState[(sequence * kept + kept + t) * shape.channels + channel];
  }
}
