package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The causal depthwise convolution over time, {@code out_t = f(bias + Σ_j taps_j · x_{t−(K−1)+j})}
 * with f the identity or SiLU.
 *
 * <p>Cross-correlation as in PyTorch's {@code conv1d} with left padding: the last tap meets the
 * current step (Gu and Dao 2023, section 3.4; Dao-AILab's causal-conv1d). Time O(batch · length ·
 * channels · K), no extra memory.
 */
public final class CausalConv1dOp {
  private static final String OP = "causalConv1d";

  private CausalConv1dOp() {}

  /**
   * What a convolution gives.
   *
   * @param out [batch, length, channels]
   * @param finalState the last K − 1 inputs, oldest first, [batch, K − 1, channels]; null if it was
   *     not asked for or K is 1
   */
  public record Result(Tensor out, @Nullable Tensor finalState) {}

  /**
   * Convolves from zeros and drops the final state.
   *
   * @param x [batch, length, channels]
   * @param taps [K, channels], the oldest first
   * @param bias [channels], or null
   * @param silu true to apply SiLU to the result
   * @return [batch, length, channels]
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Tensor apply(Tensor x, Tensor taps, @Nullable Tensor bias, boolean silu) {
    return run(x, taps, bias, null, silu, State.DROPPED).out();
  }

  /**
   * Convolves with a state that is carried from piece to piece of a sequence.
   *
   * @param x [batch, length, channels]
   * @param taps [K, channels], the oldest first
   * @param bias [channels], or null
   * @param initialState the K − 1 inputs before x, [batch, K − 1, channels], or null for zeros
   * @param silu true to apply SiLU to the result
   * @return the result and the state after it
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result withState(
      Tensor x, Tensor taps, @Nullable Tensor bias, @Nullable Tensor initialState, boolean silu) {
    return run(x, taps, bias, initialState, silu, State.RETURNED);
  }

  /**
   * Convolves without gradients and leaves the state after x where the state before it was.
   *
   * @param x [batch, length, channels]
   * @param taps [K, channels], the oldest first
   * @param bias [channels], or null
   * @param state the K − 1 inputs before x, [batch, K − 1, channels], overwritten; null if K is 1
   * @param silu true to apply SiLU to the result
   * @return [batch, length, channels]
   * @throws ShapeMismatchException if the shapes do not fit
   * @throws IllegalArgumentException if there is no state and K is not 1
   * @throws IllegalStateException if gradients are recorded, which need the state before x
   */
  public static Tensor advance(
      Tensor x, Tensor taps, @Nullable Tensor bias, @Nullable Tensor state, boolean silu) {
    return run(x, taps, bias, state, silu, State.CARRIED).out();
  }

  /** What becomes of the state after the last step. */
  private enum State {
    DROPPED,
    RETURNED,
    CARRIED
  }

  private static Result run(
      Tensor x,
      Tensor taps,
      @Nullable Tensor bias,
      @Nullable Tensor initialState,
      boolean silu,
      State kind) {
    ShapeRules.activations(OP, "x", x);
    ShapeRules.floats(OP, "taps", taps);
    ShapeRules.rank(OP, "x", x, 3, "[batch, length, channels]");
    ShapeRules.rank(OP, "taps", taps, 2, "[K, channels]");
    int batch = x.shape().dim(0);
    int channels = x.shape().dim(2);
    int width = taps.shape().dim(0);
    ShapeRules.dim(OP, "taps", taps, 1, "channels", channels, "x of shape " + x.shape());
    ShapeRules.expect(OP, "bias", bias, "[channels]", Shape.of(channels), "x");
    if (initialState != null) {
      ShapeRules.expect(
          OP,
          "initialState",
          initialState,
          "[batch, K - 1, channels]",
          Shape.of(batch, width - 1, channels),
          "x and taps");
    }
    Scope scope = Scope.innermost(OP, x, taps, bias, initialState);
    Tensor out = scope.result(x.dtype(), x.shape(), x, taps, bias, initialState);
    Tensor state =
        width == 1
            ? null
            : switch (kind) {
              case DROPPED -> null;
              case RETURNED -> scope.result(Shape.of(batch, width - 1, channels), x, initialState);
              case CARRIED -> ShapeRules.carried(OP, initialState, scope);
            };
    ConvKernels.Shape sizes = new ConvKernels.Shape(batch, x.shape().dim(1), channels, width, silu);
    ConvKernels.Inputs inputs =
        new ConvKernels.Inputs(
            x.view(), taps.view(), Tensor.viewOf(bias), Tensor.viewOf(initialState));
    ConvKernels.Forward forward =
        new ConvKernels.Forward(sizes, inputs, out.view(), Tensor.viewOf(state));
    ConvKernels kernels = scope.backend().conv();
    scope.launch(() -> kernels.forward(forward));
    Tensor[] outputs = state == null ? new Tensor[] {out} : new Tensor[] {out, state};
    scope.onBackward(
        () ->
            backward(scope, sizes, inputs, new Tensor[] {out, state, x, taps, bias, initialState}),
        outputs);
    return new Result(out, state);
  }

  private static void backward(
      Scope scope, ConvKernels.Shape sizes, ConvKernels.Inputs inputs, @Nullable Tensor[] tensors) {
    ConvKernels kernels = scope.backend().conv();
    Tensor out = Objects.requireNonNull(tensors[0]);
    View gradient = out.gradientOrZero();
    Tensor state = tensors[1];
    View stateGrad = state == null ? null : state.gradientOrNull();
    Sink x = Tensor.sink(tensors[2]);
    Sink taps = Tensor.sink(tensors[3]);
    Sink bias = Tensor.sink(tensors[4]);
    Sink initial = Tensor.sink(tensors[5]);
    scope.withWorkspace(
        kernels.backwardWorkspaceFloats(sizes),
        workspace -> {
          ConvKernels.Backward args =
              new ConvKernels.Backward(
                  sizes, inputs, gradient, stateGrad, x, taps, bias, initial, workspace);
          scope.launch(() -> kernels.backward(args));
        });
  }
}
