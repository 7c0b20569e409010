package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.NormKernels;
import io.github.mamba4j.spi.NormKernels.GatedShape;
import io.github.mamba4j.spi.View;

/**
 * Root-mean-square normalisation with a gate, each group of contiguous columns on its own:
 *
 * <pre>{@code
 * gate first   out = v·r·weight             v = x∘silu(z), r = (mean_group(v²) + eps)^(−1/2)
 * norm first   out = x·r·weight∘silu(z)     r = (mean_group(x²) + eps)^(−1/2)
 * }</pre>
 *
 * <p>Source: Dao and Gu 2024, section 7 (gate first, one group: NormFormer-like);
 * state-spaces/mamba {@code RMSNormGated}. Gradient, gate first: vGrad as that of {@link RmsNormOp}
 * within each group, {@code xGrad = vGrad∘silu(z)}, {@code zGrad = vGrad∘x∘silu'(z)}.
 */
public final class GatedRmsNormOp {
  private static final String OP = "gatedRmsNorm";

  private GatedRmsNormOp() {}

  /**
   * Gates and normalises each row.
   *
   * @param x [..., width]
   * @param z gate before SiLU, [..., width]
   * @param weight [width]
   * @param groups groups of contiguous columns, positive, divides the width
   * @param eps added to the mean square, positive
   * @param gateFirst true to normalise what was gated, false to gate what was normalised
   * @return [..., width]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(
      Tensor x, Tensor z, Tensor weight, int groups, float eps, boolean gateFirst) {
    ShapeRules.activations(OP, "x", x);
    ShapeRules.expect(OP, "z", z, "[..., width]", x.shape(), "x", x.dtype());
    ShapeRules.expect(OP, "weight", weight, "[width]", Shape.of(x.cols()), "x of " + x.shape());
    if (groups <= 0 || x.cols() % groups != 0) {
      throw new IllegalArgumentException(
          OP + ": groups must divide the width " + x.cols() + ", got " + groups);
    }
    if (!(eps > 0)) {
      throw new IllegalArgumentException(OP + ": eps must be positive, got " + eps);
    }
    GatedShape shape = new GatedShape(x.rows(), x.cols(), groups, eps, gateFirst);
    Scope scope = Scope.innermost(OP, x, z, weight);
    Tensor out = scope.result(x.dtype(), x.shape(), x, z, weight);
    View scale =
        out.requiresGrad()
            ? scope.empty(Shape.of(Math.multiplyExact(x.rows(), groups))).view()
            : null;
    NormKernels kernels = scope.backend().norm();
    NormKernels.GatedForward args =
        new NormKernels.GatedForward(shape, x.view(), z.view(), weight.view(), out.view(), scale);
    scope.launch(() -> kernels.gatedForward(args));
    if (scale != null) {
      scope.onBackward(() -> backward(scope, shape, new Inputs(x, z, weight), scale, out), out);
    }
    return out;
  }

  private record Inputs(Tensor x, Tensor z, Tensor weight) {}

  private static void backward(Scope scope, GatedShape shape, Inputs in, View scale, Tensor out) {
    NormKernels kernels = scope.backend().norm();
    View grad = out.gradientView();
    scope.withWorkspace(
        kernels.gatedBackwardWorkspaceFloats(shape),
        workspace -> {
          NormKernels.GatedBackward args =
              new NormKernels.GatedBackward(
                  shape,
                  in.x.view(),
                  in.z.view(),
                  in.weight.view(),
                  scale,
                  grad,
                  Tensor.sink(in.x),
                  Tensor.sink(in.z),
                  Tensor.sink(in.weight),
                  workspace);
          scope.launch(() -> kernels.gatedBackward(args));
        });
  }
}
