package io.github.mamba4j.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.commons.math3.ode.FirstOrderDifferentialEquations;
import org.apache.commons.math3.ode.nonstiff.DormandPrince853Integrator;
import org.junit.jupiter.api.Test;

class OraclePropertyTest {

  private static final ReferenceMamba1.Config MODEL =
      new ReferenceMamba1.Config(4, 2, 8, 3, 4, 2, 1, ReferenceScan.Rule.EULER);

  @Test
  void softplus_aroundTheCutOff_isTheArgumentAbove20() {
    assertThat(ReferenceOps.softplus(0)).isCloseTo(Math.log(2), within(1e-15));
    assertThat(ReferenceOps.softplus(20)).isEqualTo(Math.log1p(Math.exp(20)));
    assertThat(ReferenceOps.softplus(Math.nextUp(20.0))).isEqualTo(Math.nextUp(20.0));
    assertThat(ReferenceOps.softplus(-800)).isZero();
  }

  @Test
  void rmsNorm_withResidual_normalisesTheSum() {
    double[] x = {3, 0};
    double[] residual = {0, 4};

    // The mean square of (3, 4) is 12.5.
    assertThat(ReferenceOps.rmsNorm(2, 0, x, residual, new double[] {1, 2}))
        .containsExactly(new double[] {3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5)}, within(1e-15));
  }

  @Test
  void crossEntropy_ignoredRows_doNotCount() {
    double[] logits = {0, 0, 5, -7, 1, 1 + Math.log(3)};
    int[] targets = {1, ReferenceOps.IGNORE, 0};

    assertThat(ReferenceOps.crossEntropy(2, logits, targets))
        .isCloseTo((Math.log(2) + Math.log(4)) / 2, within(1e-15));
    assertThat(ReferenceOps.crossEntropy(2, new double[2], new int[] {ReferenceOps.IGNORE}))
        .isZero();
    assertThat(ReferenceOps.crossEntropy(2, new double[] {1e4, 0}, new int[] {0})).isZero();
  }

  @Test
  void linearAndEmbedding_smallCases_equalHandComputedValues() {
    double[] weight = {1, 2, 3, 4, 5, 6};

    assertThat(ReferenceOps.linear(1, 2, 3, new double[] {1, 10}, weight, new double[] {1, 2, 3}))
        .containsExactly(22, 45, 68);
    assertThat(ReferenceOps.embedding(weight, 2, new int[] {2, 0, 2}))
        .containsExactly(5, 6, 1, 2, 5, 6);
  }

  @Test
  void causalConv1d_partsWithState_equalWhole() {
    Random random = new Random(1);
    double[] x = normal(random, 2 * 7 * 3);
    double[] weight = normal(random, 3 * 4);
    double[] before = normal(random, 2 * 3 * 3);
    ReferenceConv.Shape whole = new ReferenceConv.Shape(2, 7, 3, 4, true);
    double[] expected = ReferenceConv.forward(whole, x, weight, null, before);

    for (int cut = 1; cut < 7; cut++) {
      ReferenceConv.Shape head = new ReferenceConv.Shape(2, cut, 3, 4, true);
      ReferenceConv.Shape tail = new ReferenceConv.Shape(2, 7 - cut, 3, 4, true);
      double[] x1 = ReferenceOps.columns(x, 21, 0, 3 * cut);
      double[] x2 = ReferenceOps.columns(x, 21, 3 * cut, 21);
      double[] state = ReferenceConv.finalState(head, x1, before);

      assertThat(ReferenceConv.forward(head, x1, weight, null, before))
          .containsExactly(ReferenceOps.columns(expected, 21, 0, 3 * cut));
      assertThat(ReferenceConv.forward(tail, x2, weight, null, state))
          .containsExactly(ReferenceOps.columns(expected, 21, 3 * cut, 21));
      assertThat(ReferenceConv.finalState(tail, x2, state))
          .containsExactly(ReferenceConv.finalState(whole, x, before));
    }
  }

  @Test
  void selectiveScan_zohOfOneStep_equalsIntegratedDifferentialEquation() {
    ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 1, 1, 1, ReferenceScan.Rule.ZOH, false);
    for (double a : new double[] {-2.5, -1e-9, 0, 0.7}) {
      Map<String, double[]> inputs =
          Map.of(
              "u", new double[] {1.3},
              "dt", new double[] {0.4},
              "a", new double[] {a},
              "b", new double[] {0.9},
              "c", new double[] {1},
              "initialState", new double[] {-0.6});
      double[] end = new double[1];
      new DormandPrince853Integrator(1e-12, 0.4, 1e-14, 1e-14)
          .integrate(heldInput(a, 0.9 * 1.3), 0, new double[] {-0.6}, 0.4, end);

      assertThat(ReferenceScan.selectiveScan(shape, inputs).finalState()[0])
          .as("a = %s", a)
          .isCloseTo(end[0], within(1e-11));
    }
  }

  @Test
  void selectiveScan_stepHalved_rulesDifferByAQuarter() {
    double coarse = ruleDistance(1e-3);
    double fine = ruleDistance(5e-4);

    assertThat(Math.log(coarse / fine) / Math.log(2)).isCloseTo(2, within(0.05));
  }

  @Test
  void selectiveScan_partsWithState_equalWhole() {
    ReferenceScan.Shape shape = new ReferenceScan.Shape(2, 6, 3, 4, ReferenceScan.Rule.ZOH, true);
    Map<String, double[]> inputs = scanInputs(shape, 5);
    ReferenceScan.Result whole = ReferenceScan.selectiveScan(shape, inputs);

    ReferenceScan.Shape half = new ReferenceScan.Shape(2, 3, 3, 4, ReferenceScan.Rule.ZOH, true);
    ReferenceScan.Result first = ReferenceScan.selectiveScan(half, part(inputs, 0));
    Map<String, double[]> rest = part(inputs, 1);
    rest.put("initialState", first.finalState());
    ReferenceScan.Result second = ReferenceScan.selectiveScan(half, rest);

    assertThat(second.finalState()).containsExactly(whole.finalState());
    assertThat(first.out()).containsExactly(ReferenceOps.columns(whole.out(), 18, 0, 9));
    assertThat(second.out()).containsExactly(ReferenceOps.columns(whole.out(), 18, 9, 18));
  }

  @Test
  void selectiveScan_oneChannel_isAPrefixScan() {
    ReferenceScan.Shape shape =
        new ReferenceScan.Shape(1, 9, 1, 1, ReferenceScan.Rule.EULER, false);
    Random random = new Random(3);
    double[] dt = random.doubles(9, 0, 1).toArray();
    double[] u = normal(random, 9);
    double[] factors = Arrays.stream(dt).map(d -> Math.exp(-0.5 * d)).toArray();
    double[] terms = new double[9];
    Arrays.setAll(terms, t -> dt[t] * 2 * u[t]);
    double[] twos = filled(9, 2);

    double[] out =
        ReferenceScan.selectiveScan(
                shape,
                Map.of("u", u, "dt", dt, "a", new double[] {-0.5}, "b", twos, "c", filled(9, 1)))
            .out();

    assertThat(ReferenceScan.prefixScan(9, 1, false, factors, terms, null))
        .containsExactly(out, within(1e-14));
  }

  @Test
  void prefixScan_bothDirections_equalHandComputedValues() {
    double[] a = {2, 10, 3, 100};
    double[] b = {1, 5, 7, 9};

    // Two columns over two steps.
    assertThat(ReferenceScan.prefixScan(2, 2, false, a, b, new double[] {4, 1}))
        .containsExactly(9, 15, 34, 1509);
    assertThat(ReferenceScan.prefixScan(2, 2, true, a, b, null)).containsExactly(15, 95, 7, 9);
  }

  @Test
  void selectiveScan_wrongInputs_areRefusedInWords() {
    ReferenceScan.Shape shape =
        new ReferenceScan.Shape(1, 2, 1, 1, ReferenceScan.Rule.EULER, false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ReferenceScan.selectiveScan(shape, Map.of("u", new double[3])))
        .withMessage("selectiveScan: u has 3 elements, expected 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ReferenceScan.selectiveScan(shape, Map.of("D", new double[1])))
        .withMessageStartingWith("selectiveScan: input D is none of");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ReferenceScan.selectiveScan(shape, Map.of("u", new double[2])))
        .withMessageStartingWith("selectiveScan: input ")
        .withMessageEndingWith(" is missing");
  }

  @Test
  void model_stepsAndSplitPrefill_equalWholePrefill() {
    Map<String, double[]> parameters = GoldenVectors.t7Parameters();
    int[] ids = {3, 1, 4, 1, 5, 2, 7, 0};
    double[] whole = ReferenceMamba1.model(MODEL, parameters, 1, ids, null).out();
    for (int chunk : new int[] {1, 3, 5}) {
      List<ReferenceMamba1.LayerState> states =
          List.of(
              ReferenceMamba1.LayerState.zero(MODEL, 1), ReferenceMamba1.LayerState.zero(MODEL, 1));
      for (int at = 0; at < ids.length; at += chunk) {
        int end = Math.min(ids.length, at + chunk);
        ReferenceMamba1.Result part =
            ReferenceMamba1.model(MODEL, parameters, 1, Arrays.copyOfRange(ids, at, end), states);
        states = part.states();

        assertThat(part.out()).containsExactly(ReferenceOps.columns(whole, 64, 8 * at, 8 * end));
      }
    }
  }

  @Test
  void model_twoSequences_equalEachAlone() {
    Map<String, double[]> parameters = GoldenVectors.t7Parameters();
    int[] ids = {3, 1, 4, 1, 5, 2};
    double[] both = ReferenceMamba1.model(MODEL, parameters, 2, ids, null).out();
    double[] second = ReferenceMamba1.model(MODEL, parameters, 1, new int[] {1, 5, 2}, null).out();

    assertThat(ReferenceOps.columns(both, 48, 24, 48)).containsExactly(second);
  }

  @Test
  void adamW_twoSteps_equalHandComputedValues() {
    ReferenceAdamW optimizer =
        new ReferenceAdamW(0.9, 0.95, 0, 0.1, Double.POSITIVE_INFINITY, Set.of("bias"));
    double[] weight = {2};
    double[] bias = {2};
    Map<String, double[]> parameters = Map.of("weight", weight, "bias", bias);

    double norm =
        optimizer.step(
            parameters, Map.of("weight", new double[] {3}, "bias", new double[] {-4}), 0.01);

    // First step: the update is the gradient's sign; only the weight decays, by 0.1 %.
    assertThat(norm).isEqualTo(5);
    assertThat(weight[0]).isCloseTo(1.988, within(1e-14));
    assertThat(bias[0]).isCloseTo(2.01, within(1e-14));

    optimizer.step(parameters, Map.of("bias", new double[] {2}), 0.01);

    // m = 0.9·(−0.4) + 0.2 = −0.16; v = 0.95·0.8 + 0.2 = 0.96.
    double update = -0.16 / 0.19 / Math.sqrt(0.96 / 0.0975);
    assertThat(bias[0]).isCloseTo(2.01 - 0.01 * update, within(1e-14));
  }

  @Test
  void adamW_largeGradients_areClippedToTheNorm() {
    ReferenceAdamW optimizer = new ReferenceAdamW(0, 0, 1, 0, 1, Set.of());
    double[] w = {0, 0};

    optimizer.step(Map.of("w", w), Map.of("w", new double[] {30, 40}), 1);

    // Clipped to (0.6, 0.8); with β = 0 the update is g/(|g| + eps).
    assertThat(w).containsExactly(new double[] {-0.6 / 1.6, -0.8 / 1.8}, within(1e-7));
  }

  @Test
  void finiteDifference_knownFunctions_equalTheirDerivatives() {
    double[] point = {0.3, -1.2};

    assertThat(FiniteDifference.gradient(x -> Math.sin(x[0]) * Math.exp(x[1]), point))
        .containsExactly(
            new double[] {Math.cos(0.3) * Math.exp(-1.2), Math.sin(0.3) * Math.exp(-1.2)},
            within(1e-12));
    assertThat(FiniteDifference.directional(x -> x[0] * x[0] * x[1], point, new double[] {2, -1}))
        .isCloseTo(2 * 0.3 * -1.2 * 2 - 0.09, within(1e-12));
    assertThat(point).containsExactly(0.3, -1.2);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FiniteDifference.gradient(x -> 0, Map.of("u", point), "v"))
        .withMessage("FiniteDifference: name v is none of [u]");
  }

  private static double ruleDistance(double dt) {
    double[] ends = new double[2];
    for (ReferenceScan.Rule rule : ReferenceScan.Rule.values()) {
      ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 1, 1, 1, rule, false);
      Map<String, double[]> inputs =
          Map.of(
              "u", new double[] {1},
              "dt", new double[] {dt},
              "a", new double[] {-3},
              "b", new double[] {1},
              "c", new double[] {1});
      ends[rule == ReferenceScan.Rule.EULER ? 0 : 1] =
          ReferenceScan.selectiveScan(shape, inputs).finalState()[0];
    }
    return Math.abs(ends[0] - ends[1]);
  }

  private static FirstOrderDifferentialEquations heldInput(double a, double input) {
    return new FirstOrderDifferentialEquations() {
      @Override
      public int getDimension() {
        return 1;
      }

      @Override
      public void computeDerivatives(double t, double[] h, double[] derivative) {
        derivative[0] = a * h[0] + input;
      }
    };
  }

  private static Map<String, double[]> scanInputs(ReferenceScan.Shape shape, long seed) {
    Random random = new Random(seed);
    int steps = shape.batch() * shape.length();
    Map<String, double[]> inputs = new HashMap<>();
    inputs.put("u", normal(random, steps * shape.dInner()));
    inputs.put("dt", normal(random, steps * shape.dInner()));
    inputs.put("a", random.doubles((long) shape.dInner() * shape.dState(), -4, 0).toArray());
    inputs.put("b", normal(random, steps * shape.dState()));
    inputs.put("c", normal(random, steps * shape.dState()));
    inputs.put("dSkip", normal(random, shape.dInner()));
    inputs.put("z", normal(random, steps * shape.dInner()));
    inputs.put("dtBias", normal(random, shape.dInner()));
    return inputs;
  }

  /** One half of the inputs of [2, 6, ·] sequences, cut over time. */
  private static Map<String, double[]> part(Map<String, double[]> inputs, int half) {
    Map<String, double[]> part = new HashMap<>(inputs);
    for (String name : List.of("u", "dt", "z", "b", "c")) {
      double[] values = inputs.getOrDefault(name, new double[0]);
      int row = values.length / 2;
      part.put(name, ReferenceOps.columns(values, row, half * row / 2, (half + 1) * row / 2));
    }
    return part;
  }

  private static double[] normal(Random random, int size) {
    double[] values = new double[size];
    Arrays.setAll(values, i -> random.nextGaussian());
    return values;
  }

  private static double[] filled(int size, double value) {
    double[] values = new double[size];
    Arrays.fill(values, value);
    return values;
  }
}
