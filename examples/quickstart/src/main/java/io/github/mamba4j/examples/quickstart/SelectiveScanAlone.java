package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.SelectiveScanOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.Arrays;

/**
 * The selective scan without a model: one channel with one state, whose step size decides at each
 * time whether to keep the past (a small step) or to take in the new value (a large one).
 */
public final class SelectiveScanAlone {
  private SelectiveScanAlone() {}

  /**
   * Prints what the scan gives and the gradient of its input.
   *
   * @param args not used
   */
  public static void main(String[] args) {
    float[][] result = run();
    IO.println("out    " + Arrays.toString(result[0]));
    IO.println("u.grad " + Arrays.toString(result[1]));
  }

  static float[][] run() {
    try (Device device = Device.open();
        Scope scope = device.openGradientScope()) {
      Shape channel = Shape.of(1, 5, 1);
      Tensor u = scope.floats(channel, 7, 1, 2, 3, 9).requireGrad();
      Tensor dt = scope.floats(channel, 5, -9, -9, -9, 5);
      Tensor a = scope.full(Shape.of(1, 1), -1);
      Tensor ones = scope.full(channel, 1);

      // Zero-order hold: h = exp(Δa) h + (1 - exp(Δa)) u, with Δ = softplus(dt), here about 5 or 0.
      SelectiveScanOp.Inputs inputs =
          new SelectiveScanOp.Inputs(u, dt, a, ones, ones, null, null, null, null);
      SelectiveScanOp.Result result = SelectiveScanOp.apply(inputs, Discretization.ZOH);
      result.out().sum().backward();
      return new float[][] {result.out().toFloats(), u.grad().orElseThrow().toFloats()};
    }
  }
}
