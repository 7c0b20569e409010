package io.github.mamba4j.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.oracle.GoldenVectors;
import io.github.mamba4j.oracle.ReferenceOps;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.GatedRmsNormOp;
import io.github.mamba4j.tensor.RmsNormOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.SelectiveScanOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.SsdOp;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.tensor.TensorAssert;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The golden vectors T1 to T5 through the operations and layers that users call. */
@Tag("kernels")
class GoldenLayersTest {
  private static final double CLOSE = 1e-5;
  private Device device;
  private Scope parameters;
  private Scope scope;

  @BeforeEach
  void open() {
    device = TestDevice.open(2);
    parameters = device.openScope();
    scope = parameters.openGradientChild();
  }

  @AfterEach
  void close() {
    scope.close();
    parameters.close();
    device.close();
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private Tensor parameter(Map<String, double[]> values, String name, int... dims) {
    return parameters.floats(Shape.of(dims), floats(values.get(name))).requireGrad();
  }

  @Test
  void causalConv1d_goldenT1_withAndWithoutSilu() {
    Map<String, double[]> in = GoldenVectors.t1Inputs();
    assertThat(in.keySet()).containsExactlyInAnyOrder("x", "weight", "bias");
    Tensor x = parameter(in, "x", 1, 5, 2).in(scope);
    Tensor taps = parameter(in, "weight", 2, 4).in(scope).transpose();
    Tensor bias = parameter(in, "bias", 2);
    TensorAssert.assertClose(
        "conv",
        CausalConv1dOp.apply(x, taps, bias, false).toFloats(),
        GoldenVectors.t1Conv(),
        CLOSE);
    TensorAssert.assertClose(
        "silu",
        CausalConv1dOp.apply(x, taps, bias, true).toFloats(),
        GoldenVectors.t1Silu(),
        CLOSE);
  }

  @Test
  void selectiveScan_goldenT2_valuesStateAndEveryGradient() {
    Map<String, double[]> in = GoldenVectors.t2Inputs();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String name : new String[] {"u", "dt", "z"}) {
      tensors.put(name, parameter(in, name, 1, 5, 2));
    }
    for (String name : new String[] {"b", "c"}) {
      tensors.put(name, parameter(in, name, 1, 5, 3));
    }
    tensors.put("a", parameter(in, "a", 2, 3));
    tensors.put("dSkip", parameter(in, "dSkip", 2));
    tensors.put("dtBias", parameter(in, "dtBias", 2));
    tensors.put(
        "initialState",
        parameters
            .floats(Shape.of(1, 3, 2), floats(ReferenceOps.transpose(in.get("initialState"), 2, 3)))
            .requireGrad());
    SelectiveScanOp.Result result =
        SelectiveScanOp.apply(
            new SelectiveScanOp.Inputs(
                tensors.get("u").in(scope),
                tensors.get("dt"),
                tensors.get("a").in(scope).transpose(),
                tensors.get("b"),
                tensors.get("c"),
                tensors.get("dSkip"),
                tensors.get("z"),
                tensors.get("dtBias"),
                tensors.get("initialState")),
            Discretization.EULER);
    TensorAssert.assertClose("out", result.out().toFloats(), GoldenVectors.t2Out(), CLOSE);
    TensorAssert.assertClose(
        "final state",
        result.finalState().toFloats(),
        ReferenceOps.transpose(GoldenVectors.t2FinalState(), 2, 3),
        CLOSE);
    Tensor weights = parameters.floats(Shape.of(1, 5, 2), floats(GoldenVectors.t2OutGrad()));
    result.out().multiply(weights).sum().backward();
    GoldenVectors.t2Gradients()
        .forEach((name, expected) ->
            TensorAssert.assertClose(
                name + "Grad",
                tensors.get(name).grad().orElseThrow().toFloats(),
                name.equals("initialState") ? ReferenceOps.transpose(expected, 2, 3) : expected,
                CLOSE));
  }

  @Test
  void mamba1Mixer_goldenT3_wholeAndInSingleSteps() {
    MixerConfig.StepInit step = new MixerConfig.StepInit(0.001, 0.1, 1e-4);
    Mamba1Mixer.Config config =
        new Mamba1Mixer.Config(
            4,
            8,
            3,
            4,
            1,
            false,
            true,
            step,
            1,
            Mamba1Mixer.StepWeights.RANDOM,
            Discretization.EULER);
    ParameterStore store = new ParameterStore(parameters, 0);
    Mamba1Mixer mixer = new Mamba1Mixer(store, "m", config, 1);
    GoldenVectors.t3Parameters()
        .forEach((name, values) ->
            store.parameters().get("m." + name).write(MemorySegment.ofArray(floats(values))));
    assertThat(store.parameters()).hasSameSizeAs(GoldenVectors.t3Parameters());
    float[] input = floats(GoldenVectors.t3Input());
    Mixer.Result whole = mixer.forward(scope.floats(Shape.of(1, 4, 4), input), null);
    TensorAssert.assertClose("out", whole.out().toFloats(), GoldenVectors.t3Out(), CLOSE);
    float[] states = whole.state().ssm().toFloats();
    for (int n = 0; n < 3; n++) {
      assertThat((double) states[n * 8]).isCloseTo(GoldenVectors.t3State0()[n], within(1e-7));
      assertThat((double) states[n * 8 + 7]).isCloseTo(GoldenVectors.t3State7()[n], within(1e-7));
    }
    MixerState state = null;
    for (int t = 0; t < 4; t++) {
      float[] row = Arrays.copyOfRange(input, t * 4, t * 4 + 4);
      Mixer.Result one = mixer.forward(scope.floats(Shape.of(1, 1, 4), row), state);
      state = one.state();
      TensorAssert.assertClose(
          "step " + t,
          one.out().toFloats(),
          Arrays.copyOfRange(GoldenVectors.t3Out(), t * 4, t * 4 + 4),
          CLOSE);
    }
  }

  @Test
  void rmsNorm_goldenT5() {
    Tensor x = scope.floats(Shape.of(2, 4), floats(GoldenVectors.t5X()));
    Tensor weight = parameters.floats(Shape.of(4), floats(GoldenVectors.t5Weight()));
    TensorAssert.assertClose(
        "rmsNorm", RmsNormOp.apply(x, weight, 1e-5f).toFloats(), GoldenVectors.t5RmsNorm(), CLOSE);
  }

  @Test
  void gatedRmsNorm_goldenT5_everyConvention() {
    Tensor x = scope.floats(Shape.of(2, 4), floats(GoldenVectors.t5X()));
    Tensor z = scope.floats(Shape.of(2, 4), floats(GoldenVectors.t5Z()));
    Tensor weight = parameters.floats(Shape.of(4), floats(GoldenVectors.t5Weight()));
    TensorAssert.assertClose(
        "gate, norm",
        GatedRmsNormOp.apply(x, z, weight, 1, 1e-5f, true).toFloats(),
        GoldenVectors.t5GateThenNorm(),
        CLOSE);
    TensorAssert.assertClose(
        "gate, norm in groups",
        GatedRmsNormOp.apply(x, z, weight, 2, 1e-5f, true).toFloats(),
        GoldenVectors.t5GateThenGroupNorm(),
        CLOSE);
    TensorAssert.assertClose(
        "norm, gate",
        GatedRmsNormOp.apply(x, z, weight, 1, 1e-5f, false).toFloats(),
        GoldenVectors.t5NormThenGate(),
        CLOSE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 8, 16})
  void ssd_goldenT4_everyChunkSize_valuesStateAndGradients(int chunkSize) {
    Map<String, double[]> in = GoldenVectors.t4Inputs();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("x", parameter(in, "x", 1, 8, 4));
    tensors.put("dt", parameter(in, "dt", 1, 8, 2));
    for (String name : new String[] {"b", "c"}) {
      tensors.put(name, parameter(in, name, 1, 8, 3));
    }
    for (String name : new String[] {"a", "dSkip", "dtBias"}) {
      tensors.put(name, parameter(in, name, 2));
    }
    SsdOp.Result result =
        SsdOp.apply(
            new SsdOp.Inputs(
                tensors.get("x").in(scope),
                tensors.get("dt"),
                tensors.get("a"),
                tensors.get("b"),
                tensors.get("c"),
                tensors.get("dSkip"),
                tensors.get("dtBias"),
                null),
            new SsdOp.Options(2, 1, chunkSize, 0, Float.POSITIVE_INFINITY));
    TensorAssert.assertClose("out", result.out().toFloats(), GoldenVectors.t4Out(), CLOSE);
    TensorAssert.assertClose(
        "final state",
        result.finalState().toFloats(),
        ReferenceOps.transpose(GoldenVectors.t4FinalState(), 4, 3),
        CLOSE);
    Tensor weights = parameters.floats(Shape.of(1, 8, 4), floats(GoldenVectors.t4OutGrad()));
    result.out().multiply(weights).sum().backward();
    GoldenVectors.t4Gradients()
        .forEach((name, expected) -> {
          float[] all = tensors.get(name).grad().orElseThrow().toFloats();
          int start = name.equals("c") ? 7 * 3 : 0;
          float[] printed = Arrays.copyOfRange(all, start, start + expected.length);
          TensorAssert.assertClose(name + "Grad", printed, expected, CLOSE);
        });
  }
}
