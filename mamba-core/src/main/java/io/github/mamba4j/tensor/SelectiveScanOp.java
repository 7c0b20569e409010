package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The selective scan, a linear recurrence whose step size, input and output maps depend on the
 * input.
 *
 * <p>For every channel e and state n, with {@code Δ_t = softplus(dt_t + dtBias)}:
 *
 * <pre>{@code
 * h_t[n] = exp(Δ_t A[e,n]) · h_{t−1}[n] + B̄_t[n] · u_t        B̄ = Δ·B (EULER)
 * y_t    = Σ_n C_t[n] · h_t[n] + D[e] · u_t                     B̄ = (exp(ΔA) − 1)/A · B (ZOH)
 * out_t  = y_t · silu(z_t)
 * }</pre>
 *
 * <p>Source: Gu and Dao 2023, "Mamba", algorithm 2 and equations 2 and 4; EULER is what all
 * released weights were trained with. Time O(batch · length · dInner · dState); the backward pass
 * recomputes the states from checkpoints, so extra memory is O(batch · length · dInner). Exponents
 * are never positive when A is negative; softplus is the identity above 20.
 */
public final class SelectiveScanOp {
  private static final String OP = "selectiveScan";

  private SelectiveScanOp() {}

  /**
   * What a scan reads.
   *
   * @param u the scan's input, [batch, length, dInner]
   * @param dt step sizes before bias and softplus, [batch, length, dInner]
   * @param a diagonal of A, negative, [dState, dInner]: channels contiguous, as in the states
   * @param b input projection, [batch, length, dState]
   * @param c output projection, [batch, length, dState]
   * @param dSkip weight of the direct path, [dInner], or null for none
   * @param z gate, [batch, length, dInner], or null for none
   * @param dtBias added to dt, [dInner], or null for none
   * @param initialState state before the first step, [batch, dState, dInner] (channels contiguous),
   *     or null for zeros
   */
  public record Inputs(
      Tensor u,
      Tensor dt,
      Tensor a,
      Tensor b,
      Tensor c,
      @Nullable Tensor dSkip,
      @Nullable Tensor z,
      @Nullable Tensor dtBias,
      @Nullable Tensor initialState) {
    private @Nullable Tensor[] all() {
      return new @Nullable Tensor[] {u, dt, a, b, c, dSkip, z, dtBias, initialState};
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
   * Scans with softplus on the step sizes, as Mamba does.
   *
   * @param inputs what is read; gradients flow into all of it
   * @param discretization how B̄ is formed
   * @return the result and the final state; gradients flow through both
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result apply(Inputs inputs, Discretization discretization) {
    return apply(inputs, discretization, true);
  }

  /**
   * Scans.
   *
   * @param inputs what is read; gradients flow into all of it
   * @param discretization how B̄ is formed
   * @param softplus true if {@code Δ = softplus(dt + dtBias)}, false if {@code Δ = dt + dtBias}
   * @return the result and the final state; gradients flow through both
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Result apply(Inputs inputs, Discretization discretization, boolean softplus) {
    ScanKernels.Shape sizes = check(inputs, discretization, softplus);
    Scope scope = Scope.innermost(OP, inputs.all());
    Shape stateShape = Shape.of(sizes.batch(), sizes.dState(), sizes.dInner());
    return run(scope, sizes, inputs, scope.result(stateShape, inputs.all()));
  }

  /**
   * Scans without gradients as {@link #apply(Inputs, Discretization)} does, and leaves the final
   * state where the initial state was.
   *
   * @param inputs what is read; the initial state is overwritten
   * @param discretization how B̄ is formed
   * @return [batch, length, dInner]
   * @throws ShapeMismatchException if the shapes do not fit
   * @throws IllegalArgumentException if there is no initial state
   * @throws IllegalStateException if gradients are recorded, which need the initial state
   */
  public static Tensor advance(Inputs inputs, Discretization discretization) {
    ScanKernels.Shape sizes = check(inputs, discretization, true);
    Scope scope = Scope.innermost(OP, inputs.all());
    Tensor state = ShapeRules.carried(OP, inputs.initialState, scope);
    return run(scope, sizes, inputs, state).out();
  }

  private static Result run(Scope scope, ScanKernels.Shape sizes, Inputs inputs, Tensor state) {
    Tensor out = scope.result(inputs.u.dtype(), inputs.u.shape(), inputs.all());
    ScanKernels kernels = scope.backend().scan();
    Tensor checkpoints =
        out.requiresGrad()
            ? scope.empty(Shape.of(Math.toIntExact(Math.max(1, kernels.checkpointFloats(sizes)))))
            : null;
    ScanKernels.Inputs views = views(inputs);
    View saved = Tensor.viewOf(checkpoints);
    scope.withWorkspace(
        kernels.forwardWorkspaceFloats(sizes),
        workspace -> {
          ScanKernels.Forward args =
              new ScanKernels.Forward(sizes, views, out.view(), state.view(), saved, workspace);
          scope.launch(() -> kernels.forward(args));
        });
    if (saved != null) {
      Result result = new Result(out, state);
      scope.onRoomyBackward(() -> backward(scope, sizes, inputs, saved, result), out, state);
    }
    return new Result(out, state);
  }

  private static ScanKernels.Shape check(
      Inputs in, Discretization discretization, boolean softplus) {
    ShapeRules.rank(OP, "u", in.u, 3, "[batch, length, dInner]");
    ShapeRules.rank(OP, "a", in.a, 2, "[dState, dInner]");
    int batch = in.u.shape().dim(0);
    int length = in.u.shape().dim(1);
    int dInner = in.u.shape().dim(2);
    int dState = in.a.shape().dim(0);
    String from = "u of shape " + in.u.shape();
    String both = "u of shape " + in.u.shape() + " and a of shape " + in.a.shape();
    Shape inner = in.u.shape();
    Shape projected = Shape.of(batch, length, dState);
    ShapeRules.activations(OP, "u", in.u);
    DType type = in.u.dtype();
    ShapeRules.expect(OP, "dt", in.dt, "[batch, length, dInner]", inner, from, type);
    ShapeRules.expect(OP, "a", in.a, "[dState, dInner]", Shape.of(dState, dInner), from);
    ShapeRules.expect(OP, "b", in.b, "[batch, length, dState]", projected, both, type);
    ShapeRules.expect(OP, "c", in.c, "[batch, length, dState]", projected, both, type);
    ShapeRules.expect(OP, "dSkip", in.dSkip, "[dInner]", Shape.of(dInner), from);
    ShapeRules.expect(OP, "z", in.z, "[batch, length, dInner]", inner, from, type);
    ShapeRules.expect(OP, "dtBias", in.dtBias, "[dInner]", Shape.of(dInner), from);
    ShapeRules.expect(
        OP,
        "initialState",
        in.initialState,
        "[batch, dState, dInner]",
        Shape.of(batch, dState, dInner),
        both);
    return new ScanKernels.Shape(batch, length, dInner, dState, discretization, softplus);
  }

  private static void backward(
      Scope scope, ScanKernels.Shape sizes, Inputs in, View checkpoints, Result result) {
    ScanKernels kernels = scope.backend().scan();
    View gradient = result.out.gradientOrZero();
    View stateGrad = result.finalState.gradientOrNull();
    ScanKernels.Gradients sinks =
        new ScanKernels.Gradients(
            Tensor.sink(in.u),
            Tensor.sink(in.dt),
            Tensor.sink(in.a),
            Tensor.sink(in.b),
            Tensor.sink(in.c),
            Tensor.sink(in.dSkip),
            Tensor.sink(in.z),
            Tensor.sink(in.dtBias),
            Tensor.sink(in.initialState));
    ScanKernels.Inputs views = views(in);
    scope.withWorkspace(
        kernels.backwardWorkspaceFloats(sizes),
        workspace -> {
          ScanKernels.Backward args =
              new ScanKernels.Backward(
                  sizes, views, gradient, stateGrad, checkpoints, sinks, workspace);
          scope.launchRoomy(() -> kernels.backward(args));
        });
  }

  private static ScanKernels.Inputs views(Inputs in) {
    return new ScanKernels.Inputs(
        in.u.view(),
        in.dt.view(),
        in.a.view(),
        in.b.view(),
        in.c.view(),
        Tensor.viewOf(in.dSkip),
        Tensor.viewOf(in.z),
        Tensor.viewOf(in.dtBias),
        Tensor.viewOf(in.initialState));
  }
}
