package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The first-order linear recurrence {@code h_t = a_t · h_{t−1} + b_t}, elementwise in the columns,
 * as a parallel prefix scan.
 *
 * <p>The pairs (a, b) compose as {@code (a₁, b₁) ∘ (a₀, b₀) = (a₁a₀, a₁b₀ + b₁)}, which is
 * associative with identity (1, 0) (Blelloch 1990; Gu and Dao 2023, section 3.3). Gradients: {@code
 * g_t = hGrad_t + a_{t+1} g_{t+1}}, a scan from the end; {@code aGrad_t = g_t h_{t−1}}, {@code
 * bGrad_t = g_t}, {@code initialGrad = a_1 g_1}. Work O(length), depth O(log length) for BLELLOCH.
 */
public final class PrefixScanOp {
  private static final String OP = "prefixScan";

  private PrefixScanOp() {}

  /**
   * Scans over time.
   *
   * @param a factors, [batch, length, width]
   * @param b terms, [batch, length, width]
   * @param initial state before the first step, [batch, width], or null for zeros
   * @param algorithm which form to use; they differ in rounding and speed only
   * @return states h, [batch, length, width]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(
      Tensor a, Tensor b, @Nullable Tensor initial, PrefixAlgorithm algorithm) {
    ShapeRules.rank(OP, "a", a, 3, "[batch, length, width]");
    ShapeRules.floats(OP, "a", a);
    ShapeRules.expect(OP, "b", b, "[batch, length, width]", a.shape(), "a");
    int batch = a.shape().dim(0);
    int length = a.shape().dim(1);
    int width = a.shape().dim(2);
    ShapeRules.expect(OP, "initial", initial, "[batch, width]", Shape.of(batch, width), "a");
    Scope scope = Scope.innermost(OP, a, b, initial);
    Tensor out = scope.result(a.shape(), a, b, initial);
    View start = initial == null ? null : initial.view();
    Sizes sizes = new Sizes(scope, batch, length, width, algorithm);
    sizes.scan(false, a.view(), b.view(), start, out.view());
    scope.onBackward(() -> sizes.backward(a, b, initial, out), out);
    return out;
  }

  private record Sizes(Scope scope, int batch, int length, int width, PrefixAlgorithm algorithm) {
    void scan(boolean reverse, View a, View b, @Nullable View initial, View out) {
      ScanKernels kernels = scope.backend().scan();
      scope.withWorkspace(
          kernels.prefixWorkspaceFloats(batch, length, width, algorithm),
          workspace -> {
            ScanKernels.Prefix args =
                new ScanKernels.Prefix(
                    batch, length, width, reverse, a, b, initial, out, algorithm, workspace);
            scope.launch(() -> kernels.prefix(args));
          });
    }

    void backward(Tensor a, Tensor b, @Nullable Tensor initial, Tensor out) {
      Tensor next = scope.zeros(out.shape());
      shift(a.view(), 1, next.view(), 0);
      Tensor g = scope.empty(out.shape());
      scan(true, next.view(), out.gradientView(), null, g.view());
      Sink bSink = Tensor.sink(b);
      if (bSink != null) {
        scope.scale(g.view(), bSink, out.rows(), width, 1f, null);
      }
      Sink aSink = Tensor.sink(a);
      if (aSink != null) {
        Tensor before = scope.zeros(out.shape());
        shift(out.view(), 0, before.view(), 1);
        if (initial != null) {
          scope.copy(initial.view(), firstRows(before.view()), batch, width);
        }
        scope.multiply(g.view(), before.view(), aSink, out.rows(), width);
      }
      Sink initialSink = Tensor.sink(initial);
      if (initialSink != null) {
        scope.multiply(firstRows(g.view()), firstRows(a.view()), initialSink, batch, width);
      }
    }

    /** Copies all but one time step of each sequence, from and to given first steps. */
    private void shift(View from, int fromStep, View to, int toStep) {
      if (length == 1) {
        return;
      }
      for (int i = 0; i < batch; i++) {
        long row = (long) i * length;
        View source = from.plus((row + fromStep) * from.stride());
        View target = to.plus((row + toStep) * to.stride());
        scope.copy(source, target, length - 1, width);
      }
    }

    private View firstRows(View view) {
      return new View(view.storage(), view.type(), view.offset(), view.stride() * length);
    }
  }
}
