package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ElementwiseKernels.Decay;
import io.github.mamba4j.spi.ElementwiseKernels.DecayBackward;
import io.github.mamba4j.spi.Sink;

/**
 * {@code A = −exp(A_log)ᵀ}: the decay rates of a selective scan, [dState, channels], from the
 * logarithms that are learnt, [channels, dState] (Gu and Dao 2023, section 3.6). {@code A_logGrad =
 * (AGrad ∘ A)ᵀ}.
 */
public final class DecayOp {
  private static final String OP = "decay";

  private DecayOp() {}

  /**
   * Computes the rates.
   *
   * @param logarithms [channels, dState]
   * @return [dState, channels], all negative
   * @throws ShapeMismatchException if the logarithms are no matrix
   */
  public static Tensor apply(Tensor logarithms) {
    ShapeRules.floats(OP, "logarithms", logarithms);
    ShapeRules.rank(OP, "logarithms", logarithms, 2, "[channels, dState]");
    Scope scope = Scope.innermost(OP, logarithms);
    int rows = logarithms.rows();
    int cols = logarithms.cols();
    Tensor out = scope.result(Shape.of(cols, rows), logarithms);
    Decay args = new Decay(rows, cols, logarithms.view(), new Sink(out.view(), false));
    scope.launch(() -> scope.backend().elementwise().decay(args));
    scope.onBackward(
        () -> {
          Sink sink = Tensor.sink(logarithms);
          if (sink != null) {
            DecayBackward back =
                new DecayBackward(rows, cols, out.view(), out.gradientView(), sink);
            Runnable launch = () -> scope.backend().elementwise().decayBackward(back);
            scope.launchContribution(launch, logarithms.gradient(), out.gradient().hold());
          }
        },
        out);
    return out;
  }
}
