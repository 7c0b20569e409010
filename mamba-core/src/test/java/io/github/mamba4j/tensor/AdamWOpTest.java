package io.github.mamba4j.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.oracle.ReferenceAdamW;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("kernels")
class AdamWOpTest {
  private static final int ROWS = 3;
  private static final int COLS = 7;
  private static final int SINGLE = 5;

  private static double[] random(Random random, int count) {
    return random.doubles(count, -1, 1).map(x -> (float) x).toArray();
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static void assertClose(String name, Tensor actual, double[] expected) {
    float[] values = actual.toFloats();
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) values[i]).as("%s[%d]", name, i).isCloseTo(expected[i], within(2e-6));
    }
  }

  @ParameterizedTest(name = "largest norm {0}")
  @ValueSource(doubles = {0.5, 1000, Double.POSITIVE_INFINITY})
  void update_recordedAndRepeated_agreesWithTheReference(double maxNorm) {
    Random random = new Random(11);
    Map<String, double[]> weights =
        Map.of("matrix", random(random, ROWS * COLS), "vector", random(random, SINGLE));
    ReferenceAdamW reference = new ReferenceAdamW(0.9, 0.95, 1e-8, 0.1, maxNorm, Set.of("vector"));
    AdamWOp.Settings settings = new AdamWOp.Settings((float) maxNorm, 0.9f, 0.95f, 1e-8f);

    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      Tensor matrix =
          scope.floats(Shape.of(ROWS, COLS), floats(weights.get("matrix"))).requireGrad();
      Tensor vector = scope.floats(Shape.of(SINGLE), floats(weights.get("vector"))).requireGrad();
      List<AdamWOp.Slot> slots = List.of(slot(scope, matrix, 0.1f), slot(scope, vector, 0));
      Tensor numbers = scope.zeros(Shape.of(AdamWOp.STEP_NUMBERS));
      Tensor norm = scope.zeros(Shape.of(1));
      Tensor matrixFactor = scope.zeros(matrix.shape());
      Tensor vectorFactor = scope.zeros(vector.shape());
      Runnable recorded = null;
      for (int step = 1; step <= 4; step++) {
        // The gradient of Σ f·w is f.
        Map<String, double[]> gradients =
            Map.of("matrix", random(random, ROWS * COLS), "vector", random(random, SINGLE));
        matrixFactor.write(MemorySegment.ofArray(floats(gradients.get("matrix"))));
        vectorFactor.write(MemorySegment.ofArray(floats(gradients.get("vector"))));
        float[] stepNumbers = new float[AdamWOp.STEP_NUMBERS];
        AdamWOp.stepNumbers(settings, 0.01 * step, step, stepNumbers);
        numbers.write(MemorySegment.ofArray(stepNumbers));

        if (recorded == null) {
          recorded =
              scope.record(() -> {
                AdamWOp.zeroGradients(slots);
                Tensor sum = matrix.multiply(matrixFactor).sum();
                sum.add(vector.multiply(vectorFactor).sum()).backward();
                AdamWOp.gradientNorm(scope, slots, norm);
                AdamWOp.update(scope, slots, settings, numbers, norm);
              });
        } else {
          recorded.run();
        }

        double expectedNorm = reference.step(weights, gradients, 0.01 * step);
        assertThat((double) norm.item()).isCloseTo(expectedNorm, within(1e-6 * expectedNorm));
        assertClose("matrix", matrix, weights.get("matrix"));
        assertClose("vector", vector, weights.get("vector"));
      }
    }
  }

  @Test
  void replaceGradients_recordedAndRepeated_leavesThoseOfTheLastPass() {
    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      Tensor twice = scope.floats(Shape.of(2), 3, 5).requireGrad();
      Tensor part = scope.floats(Shape.of(4), 1, 1, 1, 1).requireGrad();
      Tensor unused = scope.floats(Shape.of(1), 7).requireGrad();
      Tensor factor = scope.floats(Shape.of(2), 10, 20);
      List<AdamWOp.Slot> slots =
          List.of(slot(scope, twice, 0), slot(scope, part, 0), slot(scope, unused, 0));
      unused.multiply(4f).sum().backward();
      Runnable pass =
          scope.record(() ->
              AdamWOp.replaceGradients(
                  slots,
                  () -> {
                    Tensor sum = twice.multiply(factor).sum().add(twice.sum());
                    sum.add(part.narrow(1, 2).multiply(factor).sum()).backward();
                  }));
      for (int repetition = 0; repetition < 3; repetition++) {
        assertThat(twice.grad().orElseThrow().toFloats()).containsExactly(11, 21);
        assertThat(part.grad().orElseThrow().toFloats()).containsExactly(0, 10, 20, 0);
        assertThat(unused.grad().orElseThrow().toFloats()).containsExactly(0);
        pass.run();
      }
    }
  }

  @Test
  void renewGradients_thenReadOrAddedTo_countAsZero() {
    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      Tensor parameter = scope.floats(Shape.of(2), 3, 5).requireGrad();
      List<AdamWOp.Slot> slots = List.of(slot(scope, parameter, 0));
      for (int pass = 0; pass < 2; pass++) {
        parameter.multiply(2f).sum().backward();
        assertThat(parameter.grad().orElseThrow().toFloats()).containsExactly(2, 2);
        AdamWOp.renewGradients(slots);
      }
      assertThat(parameter.grad().orElseThrow().toFloats()).containsExactly(0, 0);
    }
  }

  private static AdamWOp.Slot slot(Scope scope, Tensor parameter, float decay) {
    return new AdamWOp.Slot(
        parameter, scope.zeros(parameter.shape()), scope.zeros(parameter.shape()), decay);
  }

  @Test
  void slot_badTensors_areNamed() {
    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      Tensor parameter = scope.zeros(Shape.of(2, 3)).requireGrad();
      Tensor fits = scope.zeros(Shape.of(2, 3));
      Tensor other = scope.zeros(Shape.of(3, 2));

      assertThatThrownBy(() -> new AdamWOp.Slot(parameter, other, fits, 0))
          .isInstanceOf(ShapeMismatchException.class)
          .hasMessageContainingAll("adamW: first has shape [3, 2]", "[2, 3]");
      assertThatThrownBy(() -> new AdamWOp.Slot(parameter, fits, other, 0))
          .isInstanceOf(ShapeMismatchException.class)
          .hasMessageContainingAll("adamW: second has shape [3, 2]", "[2, 3]");
      assertThatThrownBy(() -> new AdamWOp.Slot(parameter, fits, fits, -1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("adamW: weightDecay must not be negative, got -1.0");
      assertThatThrownBy(() -> new AdamWOp.Slot(fits, fits, fits, 0))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("requireGrad");
      Tensor wide = scope.zeros(Shape.of(2, 6)).narrow(0, 3);
      assertThatThrownBy(() -> new AdamWOp.Slot(parameter, wide, fits, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("contiguous");
    }
  }

  @Test
  void update_badScalars_areNamed() {
    AdamWOp.Settings settings = new AdamWOp.Settings(1, 0.9f, 0.95f, 1e-8f);
    try (Device device = TestDevice.open(1);
        Scope scope = device.openGradientScope()) {
      Tensor two = scope.zeros(Shape.of(2));
      Tensor one = scope.zeros(Shape.of(1));

      assertThatThrownBy(() -> AdamWOp.gradientNorm(scope, List.of(), two))
          .isInstanceOf(ShapeMismatchException.class)
          .hasMessageContaining("adamW: norm has shape [2]");
      assertThatThrownBy(() -> AdamWOp.update(scope, List.of(), settings, two, one))
          .isInstanceOf(ShapeMismatchException.class)
          .hasMessageContainingAll("adamW: numbers has shape [2]", "[3]");
      assertThatThrownBy(() -> AdamWOp.stepNumbers(settings, 1, 0, new float[3]))
          .hasMessage("adamW: step must be positive, got 0");
    }
  }

  @Test
  void settings_badNumbers_areNamed() {
    assertThatThrownBy(() -> new AdamWOp.Settings(0, 0.9f, 0.9f, 1))
        .hasMessage("adamW: maxNorm must be positive, got 0.0");
    assertThatThrownBy(() -> new AdamWOp.Settings(1, 1, 0.9f, 1)).hasMessageContaining("beta1");
    assertThatThrownBy(() -> new AdamWOp.Settings(1, 0.9f, -1, 1)).hasMessageContaining("beta2");
    assertThatThrownBy(() -> new AdamWOp.Settings(1, 0.9f, 0.9f, 0)).hasMessageContaining("eps");
  }
}
