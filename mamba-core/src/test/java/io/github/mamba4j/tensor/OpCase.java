package io.github.mamba4j.tensor;

import io.github.mamba4j.oracle.FiniteDifference;
import io.github.mamba4j.oracle.ReferenceOps;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * One operation with inputs, and the same in float64: compares values, and gradients of {@code Σ w
 * · out} for random w with central differences of the slow form.
 */
final class OpCase {
  private final String name;
  private final Map<String, double[]> inputs = new LinkedHashMap<>();
  private final Map<String, Shape> shapes = new LinkedHashMap<>();
  private final Random random;
  private double tolerance = 2e-5;
  private Function<Map<String, Tensor>, Tensor> op = map -> map.values().iterator().next();
  private Function<Map<String, double[]>, double[]> truth = map -> new double[0];

  OpCase(String name) {
    this.name = name;
    this.random = new Random(name.hashCode());
  }

  /** Adds an input of random values around an offset. */
  OpCase input(String input, double offset, double scale, int... dims) {
    Shape shape = Shape.of(dims);
    double[] values = new double[Math.toIntExact(shape.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (offset + scale * random.nextGaussian());
    }
    inputs.put(input, values);
    shapes.put(input, shape);
    return this;
  }

  /** Adds an input of standard normal values. */
  OpCase input(String input, int... dims) {
    return input(input, 0, 1, dims);
  }

  /** Adds an input of random negative values. */
  OpCase negative(String input, int... dims) {
    input(input, dims);
    double[] values = inputs.get(input);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (-0.1 - Math.abs(values[i]));
    }
    return this;
  }

  /** Sets the largest error, relative to the largest value (floored at 1e-3 of it all). */
  OpCase tolerance(double value) {
    tolerance = value;
    return this;
  }

  OpCase op(Function<Map<String, Tensor>, Tensor> value) {
    op = value;
    return this;
  }

  OpCase truth(Function<Map<String, double[]>, double[]> value) {
    truth = value;
    return this;
  }

  void check(Device device) {
    double[] expected = truth.apply(inputs);
    double[] weights = random.doubles(expected.length, -1, 1).map(v -> (float) v).toArray();
    try (Scope outer = device.openScope();
        Scope scope = outer.openGradientChild()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      inputs.forEach((input, values) ->
          tensors.put(input, outer.floats(shapes.get(input), floats(values)).requireGrad()));
      Tensor out = op.apply(inScope(tensors, scope));
      assertClose("out", out.toFloats(), expected);
      Tensor w = outer.floats(out.shape(), floats(weights));
      out.multiply(w).sum().backward();
      ToDoubleFunction<Map<String, double[]>> loss =
          point -> ReferenceOps.dot(truth.apply(point), weights);
      tensors.forEach((input, tensor) -> {
        float[] actual =
            tensor
                .grad()
                .map(Tensor::toFloats)
                .orElseGet(() -> new float[Math.toIntExact(tensor.shape().elements())]);
        assertClose(input + "Grad", actual, FiniteDifference.gradient(loss, inputs, input));
      });
    }
  }

  private static Map<String, Tensor> inScope(Map<String, Tensor> tensors, Scope scope) {
    Map<String, Tensor> moved = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> moved.put(name, tensor.in(scope)));
    return moved;
  }

  private void assertClose(String what, float[] actual, double[] expected) {
    TensorAssert.assertClose(name + ": " + what, actual, expected, tolerance);
  }

  static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Override
  public String toString() {
    return name;
  }
}
