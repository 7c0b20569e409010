package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.SelectiveScanOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Sequences of 2^20 steps on a GPU: what the CPU computes, values and gradients. */
@OnGpu
class GpuLongSequencesTest {
  private static final int LENGTH = 1 << 20;
  private static final int CHANNELS = 8;
  private static final int STATES = 4;

  /** Of the largest value; gradients of parameters are sums of a million terms. */
  private static final double TOLERANCE = 1e-4;

  /** Inputs of an operation, the same on every device. */
  private static final class Inputs {
    private final Random random = new Random(3);
    private final Scope scope;
    private final List<Tensor> made = new ArrayList<>();

    Inputs(Scope scope) {
      this.scope = scope;
    }

    Tensor next(double scale, double shift, int... dims) {
      Shape shape = Shape.of(dims);
      float[] values = new float[Math.toIntExact(shape.elements())];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (random.nextGaussian() * scale + shift);
      }
      Tensor tensor = scope.empty(shape);
      tensor.write(MemorySegment.ofArray(values));
      made.add(tensor.requireGrad());
      return tensor;
    }
  }

  /** Returns an operation's result and the gradients of its inputs. */
  private static List<float[]> run(Device device, Function<Inputs, Tensor> operation) {
    try (Scope scope = device.openGradientScope()) {
      Inputs inputs = new Inputs(scope);
      Tensor out = operation.apply(inputs);
      out.sum().backward();
      List<float[]> results = new ArrayList<>(List.of(out.toFloats()));
      inputs.made.forEach(tensor -> results.add(tensor.grad().orElseThrow().toFloats()));
      return results;
    }
  }

  private static void assertSameOnBoth(Function<Inputs, Tensor> operation) {
    List<float[]> actual;
    try (Device gpu = Device.of(TestGpu.real())) {
      actual = run(gpu, operation);
    }
    List<float[]> expected;
    try (Device cpu = Device.open("cpu", 0)) {
      expected = run(cpu, operation);
    }
    for (int i = 0; i < expected.size(); i++) {
      double largest = 0;
      double difference = 0;
      for (int j = 0; j < expected.get(i).length; j++) {
        largest = Math.max(largest, Math.abs(expected.get(i)[j]));
        double error = Math.abs(actual.get(i)[j] - (double) expected.get(i)[j]);
        difference = error <= difference ? difference : error; // keeps NaN
      }
      assertThat(difference / largest).as("result %d", i).isLessThan(TOLERANCE);
    }
  }

  @Test
  void scan_millionSteps_isWhatTheCpuComputes() {
    assertSameOnBoth(in ->
        SelectiveScanOp.apply(
                new SelectiveScanOp.Inputs(
                    in.next(1, 0, 1, LENGTH, CHANNELS),
                    in.next(0.5, -3, 1, LENGTH, CHANNELS),
                    in.next(0.3, -1.5, STATES, CHANNELS),
                    in.next(1, 0, 1, LENGTH, STATES),
                    in.next(1, 0, 1, LENGTH, STATES),
                    in.next(1, 0, CHANNELS),
                    in.next(1, 0, 1, LENGTH, CHANNELS),
                    in.next(0.1, 0, CHANNELS),
                    in.next(1, 0, 1, STATES, CHANNELS)),
                Discretization.EULER)
            .out());
  }

  @Test
  void convolution_millionSteps_isWhatTheCpuComputes() {
    assertSameOnBoth(in ->
        CausalConv1dOp.apply(
            in.next(1, 0, 1, LENGTH, CHANNELS),
            in.next(0.5, 0, 4, CHANNELS),
            in.next(0.5, 0, CHANNELS),
            true));
  }
}
