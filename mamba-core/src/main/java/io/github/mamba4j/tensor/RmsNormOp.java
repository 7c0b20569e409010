package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * Root-mean-square normalisation {@code out = s · (mean(s²) + eps)^(−1/2) · weight} of each row of
 * {@code s = x} or {@code s = x + residual}.
 *
 * <p>Source: Zhang and Sennrich 2019, equation 4; with the addition before it, the Add → Norm order
 * of Mamba's blocks. Gradient, with r the reciprocal root and n the width: {@code sGrad = r·(w∘g) −
 * s·r³/n·Σ(w∘g∘s)}, {@code weightGrad = Σ_rows g∘s·r}.
 */
public final class RmsNormOp {
  private static final String OP = "rmsNorm";

  private RmsNormOp() {}

  /**
   * What an addition with normalisation gives.
   *
   * @param out the normalised sum, [..., width]
   * @param sum x + residual, [..., width]
   */
  public record Result(Tensor out, Tensor sum) {}

  /**
   * Normalises each row.
   *
   * @param x [..., width]
   * @param weight [width]
   * @param eps added to the mean square, positive
   * @return [..., width]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor x, Tensor weight, float eps) {
    return apply(x, weight, eps, Scope.innermost(OP, x, weight).activations());
  }

  /**
   * Normalises each row, with a result of a type of its own.
   *
   * @param x [..., width]
   * @param weight [width]
   * @param eps added to the mean square, positive
   * @param type the result's: F32, or one that the device computes in
   * @return [..., width]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor x, Tensor weight, float eps, DType type) {
    check(x, weight, eps);
    Scope scope = Scope.innermost(OP, x, weight);
    Tensor out = scope.result(type, x.shape(), x, weight);
    View scale = forward(scope, x, null, weight, eps, out, null);
    scope.onBackward(() -> backward(scope, x, weight, scale, out, null, Tensor.sink(x), null), out);
    return out;
  }

  /**
   * Adds a residual and normalises each row of the sum.
   *
   * @param x [..., width]
   * @param residual the same shape
   * @param weight [width]
   * @param eps added to the mean square, positive
   * @return the normalised sum and the sum
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result withResidual(Tensor x, Tensor residual, Tensor weight, float eps) {
    check(x, weight, eps);
    ShapeRules.expect(OP, "residual", residual, "[..., width]", x.shape(), "x");
    Scope scope = Scope.innermost(OP, x, residual, weight);
    Tensor out = scope.result(scope.activations(), x.shape(), x, residual, weight);
    Tensor sum = scope.result(x.shape(), x, residual);
    View scale = forward(scope, x, residual, weight, eps, out, sum);
    scope.onBackward(
        () -> {
          if (!sum.requiresGrad()) {
            backward(scope, sum, weight, scale, out, null, null, null);
            return;
          }
          View sumGrad = sum.gradientOrNull();
          boolean inPlace = sumGrad != null && sum.gradient().exclusive();
          Sink whole = inPlace ? new Sink(sum.gradientView(), false) : fresh(sum, sumGrad);
          View rounded = rounded(sum, x);
          backward(scope, sum, weight, scale, out, sumGrad, whole, rounded);
          if (rounded == null) {
            pass(scope, sum, x);
          }
          pass(scope, sum, residual);
        },
        out,
        sum);
    return new Result(out, sum);
  }

  private static void check(Tensor x, Tensor weight, float eps) {
    ShapeRules.activations(OP, "x", x);
    ShapeRules.expect(OP, "weight", weight, "[width]", Shape.of(x.cols()), "x of " + x.shape());
    if (!(eps > 0)) {
      throw new IllegalArgumentException(OP + ": eps must be positive, got " + eps);
    }
  }

  private static View forward(
      Scope scope,
      Tensor x,
      @Nullable Tensor residual,
      Tensor weight,
      float eps,
      Tensor out,
      @Nullable Tensor sum) {
    View scale = scope.empty(Shape.of(x.rows())).view();
    NormKernels.Forward args =
        new NormKernels.Forward(
            x.rows(),
            x.cols(),
            eps,
            x.view(),
            residual == null ? null : residual.view(),
            weight.view(),
            out.view(),
            sum == null ? null : sum.view(),
            scale);
    scope.launch(() -> scope.backend().norm().forward(args));
    return scale;
  }

  private static void backward(
      Scope scope,
      Tensor s,
      Tensor weight,
      View scale,
      Tensor out,
      @Nullable View sumGrad,
      @Nullable Sink sGrad,
      @Nullable View rounded) {
    NormKernels kernels = scope.backend().norm();
    View gradient = out.gradientOrZero();
    Sink weightGrad = Tensor.sink(weight);
    scope.withWorkspace(
        kernels.backwardWorkspaceFloats(s.rows(), s.cols()),
        workspace -> {
          NormKernels.Backward args =
              new NormKernels.Backward(
                  s.rows(),
                  s.cols(),
                  s.view(),
                  weight.view(),
                  scale,
                  gradient,
                  sumGrad,
                  sGrad,
                  rounded,
                  weightGrad,
                  workspace);
          scope.launch(() -> kernels.backward(args));
        });
  }

  /** Returns where the sum's gradient is written for a term of fewer bits, null if it is passed. */
  private static @Nullable View rounded(Tensor sum, Tensor term) {
    boolean first = term.requiresGrad() && term.base() == term && !Gradient.exists(term.gradient());
    return first && term.dtype() != sum.dtype() ? term.gradient().sink(term).view() : null;
  }

  /** Gives the sum a buffer of its own to write its whole gradient to. */
  private static Sink fresh(Tensor sum, @Nullable View sumGrad) {
    return sumGrad == null ? sum.gradient().sink(sum) : sum.gradient().replace();
  }

  /** Hands the sum's gradient on to one of its terms. */
  private static void pass(Scope scope, Tensor sum, Tensor term) {
    if (!term.requiresGrad() || (term.base() == term && term.gradient().adopt(sum.gradient()))) {
      return;
    }
    Sink sink = term.gradient().sink(term);
    scope.scale(sum.gradientView(), sink, sum.rows(), sum.cols(), 1f, null);
  }
}
