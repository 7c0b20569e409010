package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import io.github.mamba4j.spi.MatmulKernels.Operand;
import io.github.mamba4j.spi.MatmulKernels.Product;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * {@code out = x · Wᵀ + bias} with W of PyTorch's layout [out, in]; {@code xGrad = outGrad · W},
 * {@code WGrad = outGradᵀ · x}, {@code biasGrad = Σ_rows outGrad}. W may be kept in fewer bits;
 * then it has no gradient. The result has the type of x; W in F32 is rounded to it first.
 */
public final class LinearOp {
  private LinearOp() {}

  /**
   * Applies a linear map to each row.
   *
   * @param x [..., in]
   * @param weight [out, in], of any floating type; widened as it is read
   * @param bias [out], or null for none
   * @return [..., out]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return apply(x, weight, bias, x.dtype());
  }

  /**
   * Applies a linear map to each row, with a result of a type of its own, such as logits in F32.
   *
   * @param x [..., in]
   * @param weight [out, in], of any floating type; widened as it is read
   * @param bias [out], or null for none
   * @param type the result's: that of x, or F32
   * @return [..., out]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias, DType type) {
    String op = "linear";
    int outs = outs(op, x, weight);
    ShapeRules.expect(op, "bias", bias, "[out]", Shape.of(outs), "weight");
    Scope scope = Scope.innermost(op, x, weight, bias);
    Tensor out = scope.result(type, x.shape().withDim(-1, outs), x, weight, bias);
    Tensor factor = factor(scope, weight, x.dtype());
    product(
        scope,
        new MatmulKernels.Shape(1, x.rows(), outs, x.cols()),
        new Operand(x.view(), false, 0),
        new Operand(factor.view(), true, 0),
        new Sink(out.view(), false),
        bias == null ? null : bias.view());
    scope.onBackward(() -> backward(scope, x, weight, factor, bias, out), out);
    return out;
  }

  /**
   * Applies a linear map to each row and writes the result to a tensor that is there, without
   * gradients.
   *
   * @param x [..., in]
   * @param weight [out, in], of any floating type; widened as it is read
   * @param out [..., out], F32, overwritten
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static void write(Tensor x, Tensor weight, Tensor out) {
    String op = "linear";
    int outs = outs(op, x, weight);
    ShapeRules.floats(op, "out", out);
    ShapeRules.expect(op, "out", out, "[..., out]", x.shape().withDim(-1, outs), "x and weight");
    Scope scope = Scope.innermost(op, x, weight, out);
    product(
        scope,
        new MatmulKernels.Shape(1, x.rows(), outs, x.cols()),
        new Operand(x.view(), false, 0),
        new Operand(factor(scope, weight, x.dtype()).view(), true, 0),
        new Sink(out.view(), false),
        null);
  }

  /** Returns the columns of the result, if the factors fit. */
  private static int outs(String op, Tensor x, Tensor weight) {
    ShapeRules.activations(op, "x", x);
    ShapeRules.weights(op, "weight", weight);
    ShapeRules.rank(op, "weight", weight, 2, "[out, in]");
    ShapeRules.dim(op, "weight", weight, 1, "in", x.cols(), "x of shape " + x.shape());
    return weight.shape().dim(0);
  }

  /** Returns weights as products with rows of a type take them; shared with the fused head. */
  static Tensor factor(Scope scope, Tensor weight, DType rows) {
    if (weight.dtype() != DType.F32) {
      return weight;
    }
    Tensor kept = RoundedCopy.of(scope, weight, rows);
    return kept == null ? scope.converted(weight, rows) : kept;
  }

  private static void backward(
      Scope scope, Tensor x, Tensor weight, Tensor factor, @Nullable Tensor bias, Tensor out) {
    Tensor outGrad = Tensor.contiguous(scope, out.shape(), out.gradientView(), false);
    View grad = scope.converted(outGrad, x.dtype()).view();
    int rows = x.rows();
    int ins = x.cols();
    int outs = out.cols();
    Sink xSink = Tensor.sink(x);
    if (xSink != null) {
      product(
          scope,
          new MatmulKernels.Shape(1, rows, ins, outs),
          new Operand(grad, false, 0),
          new Operand(factor.view(), false, 0),
          xSink,
          null);
    }
    Sink weightSink = Tensor.sink(weight);
    if (weightSink != null) {
      Product product =
          new Product(
              new MatmulKernels.Shape(1, outs, ins, rows),
              new Operand(grad, true, 0),
              new Operand(x.view(), false, 0),
              weightSink,
              0,
              null);
      Runnable launch = () -> scope.backend().matmul().matmul(product);
      scope.launchContribution(launch, weight.gradient(), out.gradient().hold());
    }
    Sink biasSink = Tensor.sink(bias);
    if (biasSink != null) {
      scope.sumRows(grad, rows, outs, 1f, biasSink);
    }
  }

  /** Launches one product; shared with the fused head. */
  static void product(
      Scope scope, MatmulKernels.Shape shape, Operand a, Operand b, Sink out, @Nullable View bias) {
    Product product = new Product(shape, a, b, out, 0, bias);
    scope.launch(() -> scope.backend().matmul().matmul(product));
  }
}
