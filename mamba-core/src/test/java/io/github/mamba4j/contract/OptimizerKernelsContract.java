package io.github.mamba4j.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.spi.Backend;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.OptimizerKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the optimiser's steps must do. */
public abstract class OptimizerKernelsContract extends KernelsContract<OptimizerKernels> {
  @Override
  final OptimizerKernels kernels(Backend backend) {
    return backend.optimizer();
  }

  /** Elements of the parameters: around every vector width, and more than one task. */
  private static final int[] COUNTS = {1, 3, 4, 5, 7, 9, 15, 16, 17, 31, 35, 256, 70_001};

  private static final double TOLERANCE = 1e-6;

  @Test
  void gradNorm_manyTensors_isTheNormOfAll() {
    List<Parameter> parameters = parameters();
    double squares = 0;
    for (Parameter parameter : parameters) {
      for (double grad : parameter.grad.toDoubles()[0]) {
        squares += grad * grad;
      }
    }
    TestMatrix out = new TestMatrix(1, 1, 0);
    norm(kernels(2), slots(parameters), out);
    out.assertClose(new double[][] {{Math.sqrt(squares)}}, TOLERANCE);
  }

  @Test
  void gradNorm_noTensors_isZero() {
    TestMatrix out = new TestMatrix(1, 1, 0);
    norm(kernels(2), List.of(), out);
    assertThat(out.get(0, 0)).isZero();
  }

  @ParameterizedTest
  @ValueSource(floats = {0.5f, 1e9f, Float.POSITIVE_INFINITY})
  void adamW_threeSteps_followTheEquation(float maxNorm) {
    List<Parameter> parameters = parameters();
    List<double[][]> truth = new ArrayList<>();
    for (Parameter parameter : parameters) {
      truth.add(
          new double[][] {
            parameter.value.toDoubles()[0],
            new double[parameter.value.cols],
            new double[parameter.value.cols]
          });
    }
    TestMatrix norm = new TestMatrix(1, 1, 0);
    norm(kernels(1), slots(parameters), norm);
    double clip = Math.min(1, maxNorm / (norm.get(0, 0) + 1e-6));
    for (int t = 1; t <= 3; t++) {
      double rate = 1e-2 * t;
      kernels(2).adamW(step(parameters, norm, rate, t, maxNorm));
      for (int i = 0; i < parameters.size(); i++) {
        advance(truth.get(i), parameters.get(i), clip, rate, t);
      }
    }
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      parameter.value.assertClose(new double[][] {truth.get(i)[0]}, TOLERANCE);
      parameter.first.assertClose(new double[][] {truth.get(i)[1]}, TOLERANCE);
      parameter.second.assertClose(new double[][] {truth.get(i)[2]}, TOLERANCE);
    }
  }

  @Test
  void adamW_withCopiesOfFewerBits_writesTheNearest() {
    TestMatrix norm = new TestMatrix(1, 1, 0);
    norm.set(0, 0, 1);
    for (int count : COUNTS) {
      for (int shift = 0; shift < 4; shift += 3) {
        Parameter parameter = new Parameter(count);
        MemorySegment memory = TestMemory.allocate(2L * (count + 2 * shift));
        View copy = new View(TestMemory.storage(memory), DType.BF16, shift, count);
        parameter.rounded = copy;
        kernels(2).adamW(step(List.of(parameter), norm, 0.1, 1, 1));
        MemorySegment host = TestMemory.host(copy);
        for (int i = -shift; i < count + shift; i++) {
          short bits = host.getAtIndex(ValueLayout.JAVA_SHORT, shift + i);
          boolean inside = i >= 0 && i < count;
          assertThat(bits).isEqualTo(inside ? nearest(parameter.value.get(0, i)) : 0);
        }
      }
    }
  }

  /** Returns the bits of the nearer of the two BF16 around a float, by their distances. */
  private static short nearest(float value) {
    int below = Float.floatToRawIntBits(value) >>> 16;
    double down = Math.abs((double) value - Float.intBitsToFloat(below << 16));
    double up = Math.abs(Float.intBitsToFloat((below + 1) << 16) - (double) value);
    boolean next = up < down || (up == down && below % 2 == 1);
    return (short) (next ? below + 1 : below);
  }

  @Test
  void adamW_normIsNotANumber_reachesTheParameters() {
    List<Parameter> parameters = List.of(new Parameter(40));
    TestMatrix norm = new TestMatrix(1, 1, 0);
    kernels(1).adamW(step(parameters, norm, 0.1, 1, 1));
    parameters.getFirst().value.assertAllNaN();
  }

  @Test
  void everything_threads_sameBits() {
    List<Parameter> parameters = parameters();
    assertSameBitsForAnyThreads(kernels -> {
      List<Parameter> copies = parameters.stream().map(Parameter::new).toList();
      TestMatrix norm = new TestMatrix(1, 1, 0);
      norm(kernels, slots(copies), norm);
      kernels.adamW(step(copies, norm, 1e-3, 1, 1));
      List<TestMatrix> results = new ArrayList<>(List.of(norm));
      copies.forEach(copy -> results.add(copy.value));
      return results;
    });
  }

  @Test
  void gradNorm_largeTensor_keepsPrecision() {
    Parameter parameter = new Parameter(1_000_000);
    for (int i = 0; i < 1_000_000; i++) {
      parameter.grad.set(0, i, 0.1f);
    }
    TestMatrix out = new TestMatrix(1, 1, 0);
    norm(kernels(2), List.of(parameter.slot()), out);
    assertThat((double) out.get(0, 0)).isCloseTo(100, within(100 * TOLERANCE));
  }

  private static void norm(
      OptimizerKernels kernels, List<OptimizerKernels.Slot> slots, TestMatrix out) {
    TestMatrix workspace = TestMatrix.workspace(kernels.normWorkspaceFloats(slots));
    kernels.gradNorm(slots, out.view(), workspace.view());
    workspace.assertSurroundingsIntact();
  }

  private static OptimizerKernels.AdamW step(
      List<Parameter> parameters, TestMatrix norm, double rate, int t, float maxNorm) {
    TestMatrix step = new TestMatrix(1, OptimizerKernels.STEP_NUMBERS, 0);
    step.set(0, OptimizerKernels.LEARNING_RATE, (float) rate);
    step.set(0, OptimizerKernels.BIAS_CORRECTION_1, (float) (1 - Math.pow(0.9, t)));
    step.set(0, OptimizerKernels.BIAS_CORRECTION_2, (float) (1 - Math.pow(0.95, t)));
    return new OptimizerKernels.AdamW(
        slots(parameters), step.view(), norm.view(), maxNorm, 0.9f, 0.95f, 1e-8f);
  }

  /** Advances value, first and second moment by the equation of the contract. */
  private static void advance(
      double[][] truth, Parameter parameter, double clip, double rate, int t) {
    double correction1 = 1 - Math.pow(0.9, t);
    double correction2 = 1 - Math.pow(0.95, t);
    for (int i = 0; i < truth[0].length; i++) {
      double grad = parameter.grad.get(0, i) * clip;
      truth[1][i] = 0.9 * truth[1][i] + 0.1 * grad;
      truth[2][i] = 0.95 * truth[2][i] + 0.05 * grad * grad;
      truth[0][i] -= rate * parameter.decay * truth[0][i];
      truth[0][i] -=
          rate
              / correction1
              * truth[1][i]
              / (Math.sqrt(truth[2][i]) / Math.sqrt(correction2) + 1e-8);
    }
  }

  private List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    for (int count : COUNTS) {
      parameters.add(new Parameter(count));
    }
    return parameters;
  }

  private static List<OptimizerKernels.Slot> slots(List<Parameter> parameters) {
    return parameters.stream().map(Parameter::slot).toList();
  }

  private final class Parameter {
    final TestMatrix value;
    final TestMatrix grad;
    final TestMatrix first;
    final TestMatrix second;
    final float decay;
    @Nullable View rounded;

    Parameter(int count) {
      value = matrix(1, count, 0);
      grad = matrix(1, count, 0);
      first = new TestMatrix(1, count, 0);
      second = new TestMatrix(1, count, 0);
      for (int i = 0; i < count; i++) {
        first.set(0, i, 0);
        second.set(0, i, 0);
      }
      decay = count % 2 == 0 ? 0.1f : 0;
    }

    Parameter(Parameter other) {
      value = other.value.copy();
      grad = other.grad.copy();
      first = other.first.copy();
      second = other.second.copy();
      decay = other.decay;
    }

    OptimizerKernels.Slot slot() {
      return new OptimizerKernels.Slot(
          value.cols, value.view(), grad.view(), first.view(), second.view(), decay, rounded);
    }
  }
}
