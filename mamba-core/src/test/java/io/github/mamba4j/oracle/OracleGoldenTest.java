package io.github.mamba4j.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OracleGoldenTest {

  private static final ReferenceScan.Shape T2 =
      new ReferenceScan.Shape(1, 5, 2, 3, ReferenceScan.Rule.EULER, true);
  private static final ReferenceMamba1.Config T7 =
      new ReferenceMamba1.Config(4, 2, 8, 3, 4, 2, 1, ReferenceScan.Rule.EULER);

  @Test
  void causalConv1d_t1_equalsPrintedDigits() {
    Map<String, double[]> in = GoldenVectors.t1Inputs();
    double[] conv = conv(in, false);
    double[] silu = conv(in, true);

    assertPrinted(conv, GoldenVectors.t1Conv());
    assertPrinted(silu, GoldenVectors.t1Silu());
  }

  @Test
  void selectiveScan_t2_equalsPrintedDigits() {
    ReferenceScan.Result result = ReferenceScan.selectiveScan(T2, GoldenVectors.t2Inputs());

    assertPrinted(result.out(), GoldenVectors.t2Out());
    assertPrinted(result.finalState(), GoldenVectors.t2FinalState());
  }

  @Test
  void selectiveScan_t2Gradients_equalFiniteDifferences() {
    Map<String, double[]> gradients = GoldenVectors.t2Gradients();
    assertThat(gradients).hasSameSizeAs(GoldenVectors.t2Inputs());
    gradients.forEach((name, expected) -> {
      double[] actual =
          FiniteDifference.gradient(
              inputs ->
                  ReferenceOps.dot(
                      ReferenceScan.selectiveScan(T2, inputs).out(), GoldenVectors.t2OutGrad()),
              GoldenVectors.t2Inputs(),
              name);
      assertThat(actual).as(name).containsExactly(expected, within(GoldenVectors.PRINTED));
    });
  }

  @Test
  void mixer_t3_equalsPrintedDigits() {
    ReferenceMamba1.Result result =
        ReferenceMamba1.mixer(
            T7,
            GoldenVectors.t3Parameters(),
            "",
            1,
            GoldenVectors.t3Input(),
            ReferenceMamba1.LayerState.zero(T7, 1));
    double[] state = result.states().get(0).ssm();

    assertPrinted(result.out(), GoldenVectors.t3Out());
    assertPrinted(ReferenceOps.columns(state, 24, 0, 3), GoldenVectors.t3State0());
    assertPrinted(ReferenceOps.columns(state, 24, 21, 24), GoldenVectors.t3State7());
  }

  @Test
  void mixer_t3InSingleSteps_equalsPrintedDigits() {
    ReferenceMamba1.LayerState state = ReferenceMamba1.LayerState.zero(T7, 1);
    for (int t = 0; t < 4; t++) {
      double[] token = ReferenceOps.columns(GoldenVectors.t3Input(), 16, 4 * t, 4 * t + 4);
      ReferenceMamba1.Result result =
          ReferenceMamba1.mixer(T7, GoldenVectors.t3Parameters(), "", 1, token, state);

      assertPrinted(
          result.out(), ReferenceOps.columns(GoldenVectors.t3Out(), 16, 4 * t, 4 * t + 4));
      state = result.states().get(0);
    }
  }

  @Test
  void rmsNorm_t5_equalsPrintedDigits() {
    assertPrinted(
        ReferenceOps.rmsNorm(4, 1e-5, GoldenVectors.t5X(), null, GoldenVectors.t5Weight()),
        GoldenVectors.t5RmsNorm());
  }

  @Test
  void model_t7_equalsPrintedDigits() {
    ReferenceMamba1.Result result =
        ReferenceMamba1.model(T7, GoldenVectors.t7Parameters(), 1, GoldenVectors.t7Tokens(), null);
    double loss =
        ReferenceMamba1.nextTokenLoss(
            T7, GoldenVectors.t7Parameters(), 1, GoldenVectors.t7Tokens());

    assertPrinted(ReferenceOps.columns(result.out(), 48, 40, 48), GoldenVectors.t7LastLogits());
    assertThat(loss).isCloseTo(GoldenVectors.T7_LOSS, within(1e-14));
    assertThat(result.hidden()).hasSize(3);
  }

  @Test
  void model_t7Gradients_equalFiniteDifferences() {
    GoldenVectors.t7Gradients()
        .forEach((key, expected) -> {
          List<String> nameAndIndex = List.of(key.split(" "));
          double actual =
              FiniteDifference.partial(
                  parameters ->
                      ReferenceMamba1.nextTokenLoss(T7, parameters, 1, GoldenVectors.t7Tokens()),
                  GoldenVectors.t7Parameters(),
                  nameAndIndex.get(0),
                  Integer.parseInt(nameAndIndex.get(1)));
          assertThat(actual)
              .as(key)
              .isCloseTo(expected, within(GoldenVectors.t7Tolerance(expected)));
        });
  }

  private static double[] conv(Map<String, double[]> in, boolean silu) {
    return ReferenceConv.forward(
        new ReferenceConv.Shape(1, 5, 2, 4, silu),
        in.getOrDefault("x", new double[0]),
        in.getOrDefault("weight", new double[0]),
        in.get("bias"),
        null);
  }

  private static void assertPrinted(double[] actual, double[] expected) {
    assertThat(actual).containsExactly(expected, within(GoldenVectors.PRINTED));
  }
}
