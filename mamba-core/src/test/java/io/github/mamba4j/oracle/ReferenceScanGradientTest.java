package io.github.mamba4j.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReferenceScanGradientTest {

  @Test
  void gradient_t2_equalsPrintedDigits() {
    ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 5, 2, 3, ReferenceScan.Rule.EULER, true);

    Map<String, double[]> actual =
        ReferenceScanGradient.of(shape, GoldenVectors.t2Inputs(), GoldenVectors.t2OutGrad(), null);

    assertGradients(actual, GoldenVectors.t2Gradients(), GoldenVectors.PRINTED);
  }

  @ParameterizedTest
  @EnumSource(ReferenceScan.Rule.class)
  void gradient_everyInputAndBothResults_equalFiniteDifferences(ReferenceScan.Rule rule) {
    for (boolean softplus : new boolean[] {true, false}) {
      ReferenceScan.Shape shape = new ReferenceScan.Shape(2, 4, 3, 2, rule, softplus);
      Map<String, double[]> inputs = inputs(shape, 17);
      if (!softplus) {
        inputs.put("dt", new Random(4).doubles(24, 0.5, 1.5).toArray());
        inputs.put("dtBias", new double[] {0.1, -0.3, 0.2});
      }
      assertEqualsFiniteDifferences(shape, inputs);
    }
  }

  @ParameterizedTest
  @EnumSource(ReferenceScan.Rule.class)
  void gradient_optionalInputsAbsent_equalFiniteDifferences(ReferenceScan.Rule rule) {
    ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 5, 2, 3, rule, true);
    for (String absent : List.of("dSkip", "z", "dtBias")) {
      Map<String, double[]> inputs = inputs(shape, 3);
      inputs.remove(absent);
      assertEqualsFiniteDifferences(shape, inputs);
    }
  }

  @Test
  void gradient_zohWithTinyA_equalsFiniteDifferences() {
    ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 4, 2, 2, ReferenceScan.Rule.ZOH, true);
    Map<String, double[]> inputs = inputs(shape, 5);
    inputs.put("a", new double[] {0, -1e-9, -0.05, -0.2});
    assertEqualsFiniteDifferences(shape, inputs);
  }

  @Test
  void gradient_dtFarOut_equalsFiniteDifferences() {
    // States fade at once here, or the differences' own error would grow with the powers of dt.
    ReferenceScan.Shape shape = new ReferenceScan.Shape(1, 3, 1, 2, ReferenceScan.Rule.EULER, true);
    Map<String, double[]> inputs = inputs(shape, 6);
    inputs.put("dt", new double[] {0.5, 800, -800});
    inputs.put("a", new double[] {-3, -2});
    assertEqualsFiniteDifferences(shape, inputs);
  }

  private static void assertEqualsFiniteDifferences(
      ReferenceScan.Shape shape, Map<String, double[]> inputs) {
    Random random = new Random(99);
    double[] outGrad = normal(random, shape.batch() * shape.length() * shape.dInner());
    double[] stateGrad = normal(random, shape.batch() * shape.dInner() * shape.dState());
    ToDoubleFunction<Map<String, double[]>> scalar =
        point -> {
          ReferenceScan.Result result = ReferenceScan.selectiveScan(shape, point);
          return ReferenceOps.dot(result.out(), outGrad)
              + ReferenceOps.dot(result.finalState(), stateGrad);
        };
    Map<String, double[]> expected = new LinkedHashMap<>();
    inputs
        .keySet()
        .forEach(name -> expected.put(name, FiniteDifference.gradient(scalar, inputs, name)));

    assertGradients(ReferenceScanGradient.of(shape, inputs, outGrad, stateGrad), expected, 1e-8);
  }

  private static void assertGradients(
      Map<String, double[]> actual, Map<String, double[]> expected, double tolerance) {
    assertThat(actual).containsOnlyKeys(expected.keySet());
    expected.forEach((name, gradient) ->
        assertThat(actual.get(name)).as(name).containsExactly(gradient, within(tolerance)));
  }

  private static Map<String, double[]> inputs(ReferenceScan.Shape shape, long seed) {
    Random random = new Random(seed);
    int steps = shape.batch() * shape.length();
    Map<String, double[]> inputs = new LinkedHashMap<>();
    inputs.put("u", normal(random, steps * shape.dInner()));
    inputs.put("dt", normal(random, steps * shape.dInner()));
    inputs.put("a", random.doubles((long) shape.dInner() * shape.dState(), -2, -0.1).toArray());
    inputs.put("b", normal(random, steps * shape.dState()));
    inputs.put("c", normal(random, steps * shape.dState()));
    inputs.put("dSkip", normal(random, shape.dInner()));
    inputs.put("z", normal(random, steps * shape.dInner()));
    inputs.put("dtBias", normal(random, shape.dInner()));
    inputs.put("initialState", normal(random, shape.batch() * shape.dInner() * shape.dState()));
    return inputs;
  }

  private static double[] normal(Random random, int size) {
    double[] values = new double[size];
    Arrays.setAll(values, i -> random.nextGaussian());
    return values;
  }
}
