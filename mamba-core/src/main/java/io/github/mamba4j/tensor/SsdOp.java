package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The scan of Mamba-2, state-space duality: a selective scan whose decay is one number a head, and
 * which therefore is a matrix product within each chunk of time.
 *
 * <p>For every head, channel p of it and state n, with {@code Δ_t = clamp(softplus(dt_t + dtBias),
 * stepMin, stepMax)}:
 *
 * <pre>{@code
 * h_t[n,p] = exp(Δ_t·a)·h_{t−1}[n,p] + Δ_t·B_t[n]·x_t[p]
 * y_t[p]   = Σ_n C_t[n]·h_t[n,p] + D·x_t[p]
 * }</pre>
 *
 * <p>Source: Dao and Gu 2024, "Transformers are SSMs", section 6 and listing 1. Head h reads group
 * {@code ⌊h / (heads / groups)⌋} of B and C. Time O(batch · length · dInner · (dState + chunk));
 * extra memory for the backward pass O(batch · length · dInner · dState / chunk). Exponents are
 * never positive when a is negative.
 */
public final class SsdOp {
  private static final String OP = "ssd";

  private SsdOp() {}

  /**
   * What a scan reads.
   *
   * @param x the scan's input, heads side by side, [batch, length, dInner]
   * @param dt step sizes before bias, softplus and clamp, [batch, length, heads]
   * @param a decay rate of each head, negative, [heads]
   * @param b input projection, [batch, length, groups · dState]
   * @param c output projection, [batch, length, groups · dState]
   * @param dSkip weight of the direct path, [heads] or [dInner], or null for none
   * @param dtBias added to dt, [heads], or null for none
   * @param initialState state before the first step, [batch, dState, dInner] (channels contiguous),
   *     or null for zeros
   */
  public record Inputs(
      Tensor x,
      Tensor dt,
      Tensor a,
      Tensor b,
      Tensor c,
      @Nullable Tensor dSkip,
      @Nullable Tensor dtBias,
      @Nullable Tensor initialState) {
    private @Nullable Tensor[] all() {
      return new @Nullable Tensor[] {x, dt, a, b, c, dSkip, dtBias, initialState};
    }
  }

  /**
   * The sizes that shapes do not show, and the limits of the step.
   *
   * @param headDim channels a head, positive, divides dInner
   * @param groups groups that share B and C, positive, divides the number of heads
   * @param chunkSize time steps that are computed as one matrix product, positive; changes speed
   *     and rounding only
   * @param stepMin lower bound of Δ, not negative
   * @param stepMax upper bound of Δ, above stepMin, may be infinite
   */
  public record Options(int headDim, int groups, int chunkSize, float stepMin, float stepMax) {
    /**
     * Checks the options.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Options {
      if (headDim <= 0 || groups <= 0 || chunkSize <= 0) {
        throw new IllegalArgumentException(
            OP
                + ": headDim, groups and chunkSize must be positive, got "
                + headDim
                + ", "
                + groups
                + " and "
                + chunkSize);
      }
      if (!(stepMin >= 0 && stepMin < stepMax)) {
        throw new IllegalArgumentException(
            OP
                + ": stepMin and stepMax must be 0 or more and rise, got "
                + stepMin
                + " and "
                + stepMax);
      }
    }
  }

  /**
   * What a scan gives.
   *
   * @param out [batch, length, dInner]
   * @param finalState state after the last step, [batch, dState, dInner]
   */
  public record Result(Tensor out, Tensor finalState) {}

  /**
   * Scans.
   *
   * @param inputs what is read; gradients flow into all of it
   * @param options sizes and limits
   * @return the result and the final state; gradients flow through both
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result apply(Inputs inputs, Options options) {
    SsdKernels.Shape sizes = check(inputs, options);
    Scope scope = Scope.innermost(OP, inputs.all());
    Shape stateShape = Shape.of(sizes.batch(), sizes.dState(), sizes.dInner());
    return run(scope, sizes, inputs, scope.result(stateShape, inputs.all()));
  }

  /**
   * Scans without gradients as {@link #apply} does, and leaves the final state where the initial
   * state was.
   *
   * @param inputs what is read; the initial state is overwritten
   * @param options sizes and limits
   * @return [batch, length, dInner]
   * @throws ShapeMismatchException if the shapes do not fit
   * @throws IllegalArgumentException if there is no initial state
   * @throws IllegalStateException if gradients are recorded, which need the initial state
   */
  public static Tensor advance(Inputs inputs, Options options) {
    SsdKernels.Shape sizes = check(inputs, options);
    Scope scope = Scope.innermost(OP, inputs.all());
    Tensor state = ShapeRules.carried(OP, inputs.initialState, scope);
    return run(scope, sizes, inputs, state).out();
  }

  private static Result run(Scope scope, SsdKernels.Shape sizes, Inputs inputs, Tensor state) {
    Tensor out = scope.result(inputs.x.dtype(), inputs.x.shape(), inputs.all());
    SsdKernels kernels = scope.backend().ssd();
    Tensor checkpoints =
        out.requiresGrad()
            ? scope.empty(Shape.of(Math.toIntExact(Math.max(1, kernels.checkpointFloats(sizes)))))
            : null;
    SsdKernels.Inputs views = views(inputs);
    View saved = Tensor.viewOf(checkpoints);
    scope.withWorkspace(
        kernels.forwardWorkspaceFloats(sizes),
        workspace -> {
          SsdKernels.Forward args =
              new SsdKernels.Forward(sizes, views, out.view(), state.view(), saved, workspace);
          scope.launch(() -> kernels.forward(args));
        });
    if (saved != null) {
      scope.onBackward(
          () -> backward(scope, sizes, inputs, saved, new Result(out, state)), out, state);
    }
    return new Result(out, state);
  }

  private static SsdKernels.Shape check(Inputs in, Options options) {
    ShapeRules.rank(OP, "x", in.x, 3, "[batch, length, dInner]");
    ShapeRules.rank(OP, "b", in.b, 3, "[batch, length, groups · dState]");
    ShapeRules.activations(OP, "x", in.x);
    DType type = in.x.dtype();
    int batch = in.x.shape().dim(0);
    int length = in.x.shape().dim(1);
    int dInner = in.x.shape().dim(2);
    int heads = dInner / options.headDim;
    int dState = in.b.shape().dim(2) / options.groups;
    String from = "x of shape " + in.x.shape() + " and headDim " + options.headDim;
    if (heads * options.headDim != dInner || heads % options.groups != 0) {
      throw new ShapeMismatchException(
          OP
              + ": dInner "
              + dInner
              + " must be heads of headDim "
              + options.headDim
              + ", and the heads a multiple of groups "
              + options.groups);
    }
    Shape projected = Shape.of(batch, length, options.groups * dState);
    String projection = "[batch, length, groups · dState]";
    ShapeRules.expect(
        OP, "dt", in.dt, "[batch, length, heads]", Shape.of(batch, length, heads), from, type);
    ShapeRules.expect(OP, "a", in.a, "[heads]", Shape.of(heads), from);
    ShapeRules.expect(OP, "b", in.b, projection, projected, from, type);
    ShapeRules.expect(OP, "c", in.c, projection, projected, from, type);
    ShapeRules.expect(OP, "dtBias", in.dtBias, "[heads]", Shape.of(heads), from);
    ShapeRules.expect(
        OP,
        "initialState",
        in.initialState,
        "[batch, dState, dInner]",
        Shape.of(batch, dState, dInner),
        from);
    Tensor skip = in.dSkip;
    boolean perChannel = skip != null && skip.shape().lastDim() != heads;
    if (skip != null) {
      int width = perChannel ? dInner : heads;
      ShapeRules.expect(OP, "dSkip", skip, "[heads] or [dInner]", Shape.of(width), from);
    }
    return new SsdKernels.Shape(
        batch,
        length,
        heads,
        options.headDim,
        options.groups,
        dState,
        options.chunkSize,
        perChannel,
        options.stepMin,
        options.stepMax);
  }

  private static void backward(
      Scope scope, SsdKernels.Shape sizes, Inputs in, View checkpoints, Result result) {
    SsdKernels kernels = scope.backend().ssd();
    View gradient = result.out.gradientOrZero();
    View stateGrad = result.finalState.gradientOrNull();
    SsdKernels.Gradients sinks =
        new SsdKernels.Gradients(
            Tensor.sink(in.x),
            Tensor.sink(in.dt),
            Tensor.sink(in.a),
            Tensor.sink(in.b),
            Tensor.sink(in.c),
            Tensor.sink(in.dSkip),
            Tensor.sink(in.dtBias),
            Tensor.sink(in.initialState));
    SsdKernels.Inputs views = views(in);
    scope.withWorkspace(
        kernels.backwardWorkspaceFloats(sizes),
        workspace -> {
          SsdKernels.Backward args =
              new SsdKernels.Backward(
                  sizes, views, gradient, stateGrad, checkpoints, sinks, workspace);
          scope.launch(() -> kernels.backward(args));
        });
  }

  private static SsdKernels.Inputs views(Inputs in) {
    return new SsdKernels.Inputs(
        in.x.view(),
        in.dt.view(),
        in.a.view(),
        in.b.view(),
        in.c.view(),
        Tensor.viewOf(in.dSkip),
        Tensor.viewOf(in.dtBias),
        Tensor.viewOf(in.initialState));
  }
}
