package io.github.mamba4j.oracle;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Published input and output numbers of the ops, computed in float64 and printed with nine
 * decimals.
 *
 * <p>Inputs come from one generator, {@link #g}. Arrays that run over time are given in this
 * library's layout, [length, channels]; results are printed as [channels, length] in the source and
 * are swapped on the way out. Compare float32 results with a relative tolerance of 1e-4 and an
 * absolute one of 1e-6.
 */
public final class GoldenVectors {

  /** Half a unit of the ninth decimal, and a little for the comparison's own rounding. */
  public static final double PRINTED = 5.01e-10;

  /** T1: [channels, length]. */
  private static final double[] T1_CONV = {
    -0.418674225, -0.625569116, -0.411726465, 0.231213457, 0.443158074,
    -0.192533561, 0.136457495, 0.779748103, 1.638871911, 2.534465632
  };

  /** T1: [channels, length]. */
  private static final double[] T1_SILU = {
    -0.166144184, -0.218020786, -0.164072263, 0.12891242, 0.269888265,
    -0.087028009, 0.0728767, 0.534615434, 1.372360822, 2.348240561
  };

  /** T2: [dInner, length]. */
  private static final double[] T2_OUT = {
    0.190129855, 0.549762335, 0.584611116, 0.212731778, -0.274877092,
    0.001031828, 0.040519769, 0.045999985, -0.007930953, -0.101446926
  };

  private static final double[] T2_FINAL_STATE = {
    -1.23184806, 0.26778798, 0.571241679,
    0.723588656, -0.537546595, -0.343423588
  };

  /** T2: [dInner, length]. */
  private static final double[] T2_U_GRAD = {
    0.121217804, 0.411742561, 0.480059225, 0.354907962, 0.107507559,
    0.019075259, 0.051909646, 0.040691767, -0.022806587, -0.074241017
  };

  /** T2: [dInner, length]. */
  private static final double[] T2_DT_GRAD = {
    0.001472988, 0.102732571, 0.124114785, 0.088420028, 0.025542362,
    0.000347287, 0.020446872, 0.019668938, 0.002530506, -0.019908385
  };

  /** T2: [dInner, length]. */
  private static final double[] T2_Z_GRAD = {
    0.967299574, 1.134430007, 0.692004323, 0.136715339, -0.050701677,
    -0.000329588, -0.042871078, -0.130939839, -0.215072531, -0.194964944
  };

  /** T2: [dState, length]. */
  private static final double[] T2_B_GRAD = {
    -0.264901551, -0.267158243, -0.093521843, 0.002988361, -0.023856226,
    0.406198013, 0.598268091, 0.455876306, 0.127170584, -0.048151028,
    0.027809355, -0.042485421, -0.140541464, -0.073095931, 0.050396133
  };

  /** T2: [dState, length]. */
  private static final double[] T2_C_GRAD = {
    -0.070300054, -0.40245347, -0.671704359, -0.482397305, -0.01478331,
    -0.051953773, -0.129052647, -0.033075153, 0.052993977, -0.056607543,
    0.09893596, 0.422338033, 0.544771142, 0.297210551, 0.005616404
  };

  private static final double[] T2_A_GRAD = {
    0.109626481, -0.246474459, -0.221384553,
    0.015556717, -0.008863899, 0.015123314
  };

  private static final double[] T2_D_SKIP_GRAD = {1.106830821, 0.024231359};

  private static final double[] T2_DT_BIAS_GRAD = {0.342282734, 0.023085218};

  private static final double[] T2_INITIAL_STATE_GRAD = {
    -0.197991242, 0.243411756, 0.013232958,
    0.145149022, -0.135003519, -0.042108233
  };

  private static final double[] T3_OUT = {
    -0.292398634, 0.294983282, -0.287867294, 0.271284683,
    -0.050814554, 0.058243463, -0.063757013, 0.067173891,
    -0.013278398, 0.057575279, -0.099978775, 0.139094432,
    0.001827241, 0.004148555, -0.009987924, 0.015498836
  };

  private static final double[] T3_STATE_0 = {-0.001743011, -0.028234096, 0.056204748};

  private static final double[] T3_STATE_7 = {-0.032887955, 0.007000554, 0.007548989};

  /** T4: [length, heads, headDim]. */
  private static final double[] T4_OUT = {
    1.539256779, 1.589617332, -0.257780729, -0.193078065,
    -0.01381548, -0.314701915, 0.107883141, 0.309772329,
    -1.747496989, -1.696707231, 0.304211549, 0.330509376,
    -0.951518827, -0.443268474, -0.124271603, -0.215140823,
    1.110622722, 1.113040885, -0.528077157, -0.537418353,
    1.176668148, 0.534195162, -0.078271614, -0.02471943,
    -0.892668059, -1.254359855, 0.295345285, 0.265205314,
    -0.331448155, 0.046979789, 0.348837651, 0.136352901
  };

  /** T4: [heads, headDim, dState]. */
  private static final double[] T4_FINAL_STATE = {
    0.441714716, 0.285644921, 0.090914426,
    0.43014267, 0.325793439, 0.177349593,
    0.156914188, 0.144926494, 0.113323679,
    0.104016402, 0.121578251, 0.122685054
  };

  private static final double[] T5_RMS_NORM = {
    1.009446282, 1.018296202, 0.903338202, 0.67970841,
    0.773912751, -0.017965577, -0.78133626, -1.445750452
  };

  private static final double[] T5_GATE_THEN_NORM = {
    1.611971998, 0.466778624, -0.397211531, -0.667239092,
    -0.74340984, 0.018460637, 0.809594347, 1.444282662
  };

  private static final double[] T5_GATE_THEN_GROUP_NORM = {
    1.262516837, 0.365586917, -0.653187435, -1.097229452,
    -1.314830139, 0.032650364, 0.624556372, 1.114182607
  };

  private static final double[] T5_NORM_THEN_GATE = {
    0.325801769, 0.094342396, -0.080281928, -0.134858221,
    -0.192651398, 0.004783993, 0.209802822, 0.374279514
  };

  private static final double[] T7_LAST_LOGITS = {
    -0.08535041,
    -0.351692785,
    0.021573297,
    0.355604957,
    0.042913261,
    -0.347822927,
    -0.1059886,
    0.32860261
  };

  /** T7: the mean next-token cross-entropy over the five predictions. */
  public static final double T7_LOSS = 2.236114117778642;

  private static final int[] T7_TOKENS = {3, 1, 4, 1, 5, 2};

  private GoldenVectors() {}

  /** The generator: element i (row-major) is scale·sin(1.3·k + 0.37·i). */
  public static double[] g(int k, int size, double scale) {
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] = scale * Math.sin(1.3 * k + 0.37 * i);
    }
    return values;
  }

  /** The generator with scale 1. */
  public static double[] g(int k, int size) {
    return g(k, size, 1);
  }

  /** 1 + g(k, size, scale): the norm weights. */
  public static double[] onePlusG(int k, int size, double scale) {
    double[] values = g(k, size, scale);
    for (int i = 0; i < size; i++) {
      values[i] += 1;
    }
    return values;
  }

  /** T1: causal convolution, batch 1, length 5, 2 channels, 4 taps: x, weight, bias. */
  public static Map<String, double[]> t1Inputs() {
    Map<String, double[]> inputs = new LinkedHashMap<>();
    inputs.put("x", overTime(g(1, 10), 2));
    inputs.put("weight", g(2, 8));
    inputs.put("bias", new double[] {0.1, -0.2});
    return inputs;
  }

  /** T1: the convolution, [length, channels]. */
  public static double[] t1Conv() {
    return overTime(T1_CONV, 2);
  }

  /** T1: SiLU of the convolution, [length, channels]. */
  public static double[] t1Silu() {
    return overTime(T1_SILU, 2);
  }

  /** T2: selective scan, batch 1, length 5, dInner 2, dState 3, softplus on, all inputs by name. */
  public static Map<String, double[]> t2Inputs() {
    double[] a = new double[6];
    for (int i = 0; i < 6; i++) {
      a[i] = -(0.5 + 0.25 * i);
    }
    Map<String, double[]> inputs = new LinkedHashMap<>();
    inputs.put("u", overTime(g(1, 10), 2));
    inputs.put("dt", overTime(g(2, 10, 0.5), 2));
    inputs.put("a", a);
    inputs.put("b", overTime(g(3, 15), 3));
    inputs.put("c", overTime(g(4, 15), 3));
    inputs.put("dSkip", new double[] {1, -0.5});
    inputs.put("z", overTime(g(5, 10), 2));
    inputs.put("dtBias", new double[] {0.1, -0.2});
    inputs.put("initialState", new double[6]);
    return inputs;
  }

  /** T2: the gradient that arrives at the output, [length, dInner]. */
  public static double[] t2OutGrad() {
    return overTime(g(6, 10), 2);
  }

  /** T2: the gated output, [length, dInner]. */
  public static double[] t2Out() {
    return overTime(T2_OUT, 2);
  }

  /** T2: the gradient of every input of {@link #t2Inputs}, by its name and in its layout. */
  public static Map<String, double[]> t2Gradients() {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    gradients.put("u", overTime(T2_U_GRAD, 2));
    gradients.put("dt", overTime(T2_DT_GRAD, 2));
    gradients.put("a", T2_A_GRAD.clone());
    gradients.put("b", overTime(T2_B_GRAD, 3));
    gradients.put("c", overTime(T2_C_GRAD, 3));
    gradients.put("dSkip", T2_D_SKIP_GRAD.clone());
    gradients.put("z", overTime(T2_Z_GRAD, 2));
    gradients.put("dtBias", T2_DT_BIAS_GRAD.clone());
    gradients.put("initialState", T2_INITIAL_STATE_GRAD.clone());
    return gradients;
  }

  /** T3: one mixer, dModel 4, dInner 8, dState 3, dConv 4, dtRank 1, names without a prefix. */
  public static Map<String, double[]> t3Parameters() {
    Map<String, double[]> parameters = new LinkedHashMap<>();
    putMixer(parameters, "", 0);
    return parameters;
  }

  /** T3: the input, [length, dModel] = [4, 4]. */
  public static double[] t3Input() {
    return g(8, 16);
  }

  /** T4: x, dt, dtBias, a, b, c, dSkip of one sequence of 8, 2 heads of 2, 3 states. */
  public static Map<String, double[]> t4Inputs() {
    Map<String, double[]> inputs = new LinkedHashMap<>();
    inputs.put("x", g(1, 8 * 2 * 2));
    inputs.put("dt", g(2, 8 * 2, 0.5));
    inputs.put("dtBias", new double[] {-1, -2});
    inputs.put("a", new double[] {-1, -2.5});
    inputs.put("b", g(3, 8 * 3));
    inputs.put("c", g(4, 8 * 3));
    inputs.put("dSkip", new double[] {1, -0.5});
    return inputs;
  }

  /** T4: gradient of the output, [length, heads, headDim]. */
  public static double[] t4OutGrad() {
    return g(6, 8 * 2 * 2);
  }

  /** T4: the output, [length, heads, headDim]. */
  public static double[] t4Out() {
    return T4_OUT.clone();
  }

  /** T4: the state after the last step, [heads, headDim, dState]. */
  public static double[] t4FinalState() {
    return T4_FINAL_STATE.clone();
  }

  /** T4: what is printed of each gradient, from its first element; of c, from its last step. */
  public static Map<String, double[]> t4Gradients() {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    gradients.put("a", new double[] {1.417611554, 0.12799508});
    gradients.put("dtBias", new double[] {1.72809327, 0.666954207});
    gradients.put("x", new double[] {2.528222858, 2.386778811, 0.035251101, 0.018424028});
    gradients.put("b", new double[] {-1.312360547, -1.397783833, -1.294023635});
    gradients.put("c", new double[] {-0.365775712, -0.227140462, -0.057762817});
    return gradients;
  }

  /** T5: the rows to normalise, [2, 4]. */
  public static double[] t5X() {
    return g(1, 8);
  }

  /** T5: the gate, [2, 4]. */
  public static double[] t5Z() {
    return g(2, 8);
  }

  /** T5: the norm's weight, [4]. */
  public static double[] t5Weight() {
    return onePlusG(3, 4, 0.1);
  }

  /** T7: a tied two-layer language model, sizes of T3, vocabulary 8, by checkpoint names. */
  public static Map<String, double[]> t7Parameters() {
    Map<String, double[]> parameters = new LinkedHashMap<>();
    parameters.put("backbone.embeddings.weight", g(20, 32, 0.5));
    for (int layer = 0; layer < 2; layer++) {
      String name = "backbone.layers." + layer + ".";
      int k = 100 * (layer + 1);
      parameters.put(name + "norm.weight", onePlusG(k, 4, 0.1));
      putMixer(parameters, name + "mixer.", k);
    }
    parameters.put("backbone.norm_f.weight", onePlusG(21, 4, 0.1));
    return parameters;
  }

  /** T7: the six tokens of the one sequence. */
  public static int[] t7Tokens() {
    return T7_TOKENS.clone();
  }

  /**
   * T7: some derivatives of the loss. Keys are a parameter's name, a space and the element's
   * row-major index; compare with {@link #t7Tolerance}.
   */
  public static Map<String, Double> t7Gradients() {
    Map<String, Double> gradients = new LinkedHashMap<>();
    String layer0 = "backbone.layers.0.";
    String layer1 = "backbone.layers.1.";
    gradients.put("backbone.embeddings.weight " + (1 * 4), 0.01704995);
    gradients.put("backbone.embeddings.weight " + (4 * 4 + 3), 0.2701229);
    gradients.put(layer0 + "mixer.A_log " + 0, 3.476809e-4);
    gradients.put(layer0 + "mixer.A_log " + (7 * 3 + 2), 3.796155e-5);
    gradients.put(layer0 + "mixer.dt_proj.bias " + 0, 0.02237447);
    gradients.put(layer0 + "mixer.dt_proj.bias " + 3, -1.713068e-3);
    gradients.put(layer0 + "mixer.in_proj.weight " + 0, 0.213666);
    gradients.put(layer0 + "mixer.in_proj.weight " + (9 * 4 + 1), -0.03672166);
    gradients.put(layer0 + "norm.weight " + 2, -0.04874944);
    gradients.put(layer1 + "mixer.conv1d.weight " + (2 * 4 + 3), -1.272395e-3);
    gradients.put(layer1 + "mixer.conv1d.weight " + (5 * 4), 6.595247e-4);
    gradients.put(layer1 + "mixer.x_proj.weight " + 1, -0.0169441);
    gradients.put(layer1 + "mixer.x_proj.weight " + (4 * 8 + 6), -5.690455e-4);
    gradients.put(layer1 + "mixer.D " + 3, -4.761095e-3);
    gradients.put(layer1 + "mixer.out_proj.weight " + (1 * 8 + 5), 9.797796e-5);
    return gradients;
  }

  /** T2: the state after the last step, [dInner, dState]. */
  public static double[] t2FinalState() {
    return T2_FINAL_STATE.clone();
  }

  /** T2: gradient of a, [dInner, dState]. */
  public static double[] t2AGrad() {
    return T2_A_GRAD.clone();
  }

  /** T2: gradient of dSkip, [dInner]. */
  public static double[] t2DSkipGrad() {
    return T2_D_SKIP_GRAD.clone();
  }

  /** T2: gradient of dtBias, [dInner]. */
  public static double[] t2DtBiasGrad() {
    return T2_DT_BIAS_GRAD.clone();
  }

  /** T2: gradient of the initial state at zero, [dInner, dState]. */
  public static double[] t2InitialStateGrad() {
    return T2_INITIAL_STATE_GRAD.clone();
  }

  /** T3: the mixer's output, [length, dModel]. */
  public static double[] t3Out() {
    return T3_OUT.clone();
  }

  /** T3: the final state of channel 0, [dState]. */
  public static double[] t3State0() {
    return T3_STATE_0.clone();
  }

  /** T3: the final state of channel 7, [dState]. */
  public static double[] t3State7() {
    return T3_STATE_7.clone();
  }

  /** T5: RMSNorm of {@link #t5X} by {@link #t5Weight}, [2, 4]. */
  public static double[] t5RmsNorm() {
    return T5_RMS_NORM.clone();
  }

  /** T5: gate, then norm over the whole width, [2, 4]. */
  public static double[] t5GateThenNorm() {
    return T5_GATE_THEN_NORM.clone();
  }

  /** T5: gate, then norm in groups of two, [2, 4]. */
  public static double[] t5GateThenGroupNorm() {
    return T5_GATE_THEN_GROUP_NORM.clone();
  }

  /** T5: norm, then gate, [2, 4]. */
  public static double[] t5NormThenGate() {
    return T5_NORM_THEN_GATE.clone();
  }

  /** T7: the logits at the last position, [vocabSize]. */
  public static double[] t7LastLogits() {
    return T7_LAST_LOGITS.clone();
  }

  /**
   * How exact a number of {@link #t7Gradients} is: half a unit of its seventh significant digit,
   * and 5e-11 for the rounding of the loss in the two-point differences that it was computed by.
   */
  public static double t7Tolerance(double gradient) {
    return 0.5 * Math.pow(10, Math.floor(Math.log10(Math.abs(gradient))) - 6) + 5e-11;
  }

  private static void putMixer(Map<String, double[]> parameters, String prefix, int k) {
    double[] aLog = new double[24];
    for (int i = 0; i < 24; i++) {
      aLog[i] = Math.log(i % 3 + 1);
    }
    parameters.put(prefix + "in_proj.weight", g(k + 1, 64, 0.8));
    parameters.put(prefix + "conv1d.weight", g(k + 2, 32, 0.5));
    parameters.put(prefix + "conv1d.bias", g(k + 3, 8, 0.1));
    parameters.put(prefix + "x_proj.weight", g(k + 4, 56, 0.8));
    parameters.put(prefix + "dt_proj.weight", g(k + 5, 8, 0.5));
    parameters.put(prefix + "dt_proj.bias", g(k + 6, 8, 0.5));
    parameters.put(prefix + "A_log", aLog);
    parameters.put(prefix + "D", new double[] {1, 1, 1, 1, 1, 1, 1, 1});
    parameters.put(prefix + "out_proj.weight", g(k + 7, 32, 0.5));
  }

  /** From [channels, length] as printed to [length, channels]. */
  private static double[] overTime(double[] printed, int channels) {
    return ReferenceOps.transpose(printed, channels, printed.length / channels);
  }
}
