package io.github.mamba4j.oracle;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of the selective scan in closed form, in float64: for sizes at which finite
 * differences take too long. All states are kept, nothing is recomputed.
 *
 * <p>With g_t the gradient of h_t, {@code g_t = dy_t·C_t + e^(Δ_{t+1}A)·g_{t+1}} from the last step
 * to the first, and the partial derivatives of the recurrence at each step.
 */
public final class ReferenceScanGradient {

  private final ReferenceScan.Shape shape;
  private final Map<String, double[]> inputs;
  private final Map<String, double[]> gradients = new LinkedHashMap<>();

  private ReferenceScanGradient(ReferenceScan.Shape shape, Map<String, double[]> inputs) {
    this.shape = shape;
    this.inputs = inputs;
    inputs.forEach((name, array) -> gradients.put(name, new double[array.length]));
    gradients.putIfAbsent(
        "initialState", new double[shape.batch() * shape.dInner() * shape.dState()]);
  }

  /**
   * The gradient of Σ out·outGrad + Σ finalState·finalStateGrad with respect to every input.
   *
   * @param shape sizes and switches
   * @param inputs the named arrays of {@link ReferenceScan}
   * @param outGrad [batch, length, dInner]
   * @param finalStateGrad [batch, dInner, dState], or null for zero
   * @return one array for each input, by its name, and always one for {@code initialState}
   */
  public static Map<String, double[]> of(
      ReferenceScan.Shape shape,
      Map<String, double[]> inputs,
      double[] outGrad,
      double @Nullable [] finalStateGrad) {
    ReferenceOps.requireSize(
        "selectiveScan: outGrad", outGrad, shape.batch() * shape.length() * shape.dInner());
    ReferenceScanGradient gradient = new ReferenceScanGradient(shape, inputs);
    for (int i = 0; i < shape.batch(); i++) {
      for (int e = 0; e < shape.dInner(); e++) {
        gradient.channel(i, e, outGrad, finalStateGrad);
      }
    }
    return gradient.gradients;
  }

  private void channel(int sequence, int e, double[] outGrad, double @Nullable [] finalStateGrad) {
    int dState = shape.dState();
    int state = (sequence * shape.dInner() + e) * dState;
    double[][] h = states(sequence, e);
    double[] carried =
        finalStateGrad == null
            ? new double[dState]
            : Arrays.copyOfRange(finalStateGrad, state, state + dState);
    for (int t = shape.length() - 1; t >= 0; t--) {
      int step = sequence * shape.length() + t;
      int at = step * shape.dInner() + e;
      double yGrad = throughGate(at, step, e, h[t + 1], outGrad[at]);
      double uGrad = 0;
      double deltaGrad = 0;
      double delta = delta(at, e);
      for (int n = 0; n < dState; n++) {
        double a = get("a", e * dState + n);
        double b = get("b", step * dState + n);
        double decay = Math.exp(delta * a);
        double g = carried[n] + yGrad * get("c", step * dState + n);
        double input = b * get("u", at);
        add("c", step * dState + n, yGrad * h[t + 1][n]);
        add("b", step * dState + n, g * gain(delta, a) * get("u", at));
        add("a", e * dState + n, g * (delta * decay * h[t][n] + gainByA(delta, a) * input));
        uGrad += g * gain(delta, a) * b;
        deltaGrad += g * (a * decay * h[t][n] + gainByDelta(decay) * input);
        carried[n] = decay * g;
      }
      add("u", at, uGrad + yGrad * get("dSkip", e));
      add("dSkip", e, yGrad * get("u", at));
      double raw = get("dt", at) + get("dtBias", e);
      double dtGrad =
          shape.softplus() && raw <= 20 ? deltaGrad * ReferenceOps.sigmoid(raw) : deltaGrad;
      add("dt", at, dtGrad);
      add("dtBias", e, dtGrad);
    }
    for (int n = 0; n < dState; n++) {
      add("initialState", state + n, carried[n]);
    }
  }

  /** The states of one channel before the first step and after each, [length + 1, dState]. */
  private double[][] states(int sequence, int e) {
    int dState = shape.dState();
    double[][] h = new double[shape.length() + 1][dState];
    for (int n = 0; n < dState; n++) {
      h[0][n] = get("initialState", (sequence * shape.dInner() + e) * dState + n);
      double a = get("a", e * dState + n);
      for (int t = 0; t < shape.length(); t++) {
        int step = sequence * shape.length() + t;
        int at = step * shape.dInner() + e;
        double delta = delta(at, e);
        h[t + 1][n] =
            Math.exp(delta * a) * h[t][n]
                + gain(delta, a) * get("b", step * dState + n) * get("u", at);
      }
    }
    return h;
  }

  /** The gradient of y, and adds that of z: out = y·silu(z). */
  private double throughGate(int at, int step, int e, double[] h, double outGrad) {
    if (!inputs.containsKey("z")) {
      return outGrad;
    }
    double y = get("dSkip", e) * get("u", at);
    for (int n = 0; n < shape.dState(); n++) {
      y += get("c", step * shape.dState() + n) * h[n];
    }
    double z = get("z", at);
    double sigmoid = ReferenceOps.sigmoid(z);
    add("z", at, outGrad * y * sigmoid * (1 + z * (1 - sigmoid)));
    return outGrad * z * sigmoid;
  }

  private double delta(int at, int e) {
    double raw = get("dt", at) + get("dtBias", e);
    return shape.softplus() ? ReferenceOps.softplus(raw) : raw;
  }

  private boolean euler() {
    return shape.rule() == ReferenceScan.Rule.EULER;
  }

  /** Δ, or (e^(Δa) − 1)/a. */
  private double gain(double delta, double a) {
    return euler() || a == 0 ? delta : Math.expm1(delta * a) / a;
  }

  /** The gain's derivative in Δ: 1, or e^(Δa). */
  private double gainByDelta(double decay) {
    return euler() ? 1 : decay;
  }

  /** The gain's derivative in a: 0, or Δ²·(x·e^x − (e^x − 1))/x² with x = Δa. */
  private double gainByA(double delta, double a) {
    double x = delta * a;
    if (euler()) {
      return 0;
    }
    if (Math.abs(x) > 0.1) {
      return delta * delta * (x * Math.exp(x) - Math.expm1(x)) / (x * x);
    }
    // Σ_k x^k·(k + 1)/(k + 2)!, whose first dropped term is below 1e-20.
    double sum = 0;
    double term = 0.5;
    for (int k = 0; k < 12; k++) {
      sum += term * (k + 1);
      term *= x / (k + 3);
    }
    return delta * delta * sum;
  }

  private double get(String name, int index) {
    double[] array = inputs.get(name);
    return array == null ? 0 : array[index];
  }

  private void add(String name, int index, double value) {
    double[] array = gradients.get(name);
    if (array != null) {
      array[index] += value;
    }
  }
}
