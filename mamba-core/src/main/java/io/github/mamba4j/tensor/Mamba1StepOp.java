package io.github.mamba4j.tensor;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.StepKernels;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One token of each sequence through all residual blocks of a Mamba-1 model at once, without
 * gradients, where the device has kernels for it.
 *
 * <p>The same numbers, up to rounding, as {@link RmsNormOp}, {@link LinearOp}, {@link
 * CausalConv1dOp} and {@link SelectiveScanOp} one after the other (Gu and Dao 2023, figure 3).
 */
public final class Mamba1StepOp {
  private static final String OP = "mamba1Step";

  private Mamba1StepOp() {}

  /**
   * A residual block.
   *
   * @param norm weights of the normalisation, [dModel]
   * @param inProj [2·dInner, dModel]
   * @param inBias [2·dInner], or null for none
   * @param taps the oldest first, [dConv, dInner]
   * @param convBias [dInner], or null for none
   * @param xProj [dtRank + 2·dState, dInner]
   * @param dtProj [dInner, dtRank]
   * @param dtBias [dInner]
   * @param a diagonal of A, negative, [dState, dInner]
   * @param dSkip weight of the direct path, [dInner]
   * @param outProj [dModel, dInner]
   * @param outBias [dModel], or null for none
   * @param convState [rows, dConv − 1, dInner], overwritten; null if dConv is 1
   * @param ssmState [rows, dState, dInner], overwritten
   */
  public record Layer(
      Tensor norm,
      Tensor inProj,
      @Nullable Tensor inBias,
      Tensor taps,
      @Nullable Tensor convBias,
      Tensor xProj,
      Tensor dtProj,
      Tensor dtBias,
      Tensor a,
      Tensor dSkip,
      Tensor outProj,
      @Nullable Tensor outBias,
      @Nullable Tensor convState,
      Tensor ssmState) {
    private StepKernels.Layer views() {
      return new StepKernels.Layer(
          norm.view(),
          inProj.view(),
          Tensor.viewOf(inBias),
          taps.view(),
          Tensor.viewOf(convBias),
          xProj.view(),
          dtProj.view(),
          dtBias.view(),
          a.view(),
          dSkip.view(),
          outProj.view(),
          Tensor.viewOf(outBias),
          Tensor.viewOf(convState),
          ssmState.view());
    }
  }

  /**
   * Runs a step if the device can run it as one, and moves the states on.
   *
   * @param hidden the residual stream before the first block, [rows, 1, dModel]
   * @param layers blocks of one size, at least one
   * @param normEps added to the mean square of every block's normalisation
   * @param discretization how B̄ is formed
   * @return the residual stream after the last block, [rows, 1, dModel]; empty, with the states as
   *     they were, if the device has no kernels for such a step
   * @throws ShapeMismatchException if the shapes do not fit
   */
  public static Optional<Tensor> advance(
      Tensor hidden, List<Layer> layers, float normEps, Discretization discretization) {
    ShapeRules.rank(OP, "hidden", hidden, 3, "[rows, 1, dModel]");
    ShapeRules.floats(OP, "hidden", hidden);
    Scope scope = hidden.scope();
    Optional<StepKernels> kernels = scope.backend().step();
    Layer first = layers.getFirst();
    int rows = hidden.shape().dim(0);
    if (kernels.isEmpty() || rows > StepKernels.MOST_ROWS || scope.recordsGradients()) {
      return Optional.empty();
    }
    StepKernels.Shape shape =
        new StepKernels.Shape(
            rows,
            hidden.shape().lastDim(),
            first.outProj.shape().lastDim(),
            first.a.shape().dim(0),
            first.taps.shape().dim(0),
            first.dtProj.shape().lastDim(),
            normEps,
            discretization);
    layers.forEach(layer -> check(shape, layer));
    List<StepKernels.Layer> views = layers.stream().map(Layer::views).toList();
    return kernels
        .filter(each -> each.takes(shape, views))
        .map(each -> run(each, shape, views, hidden));
  }

  private static void check(StepKernels.Shape shape, Layer layer) {
    int rows = shape.rows();
    int dModel = shape.dModel();
    int dInner = shape.dInner();
    int dState = shape.dState();
    expect("norm", layer.norm, dModel);
    expect("inProj", layer.inProj, 2 * dInner, dModel);
    expect("inBias", layer.inBias, 2 * dInner);
    expect("taps", layer.taps, shape.dConv(), dInner);
    expect("convBias", layer.convBias, dInner);
    expect("xProj", layer.xProj, shape.projected(), dInner);
    expect("dtProj", layer.dtProj, dInner, shape.dtRank());
    expect("dtBias", layer.dtBias, dInner);
    expect("a", layer.a, dState, dInner);
    expect("dSkip", layer.dSkip, dInner);
    expect("outProj", layer.outProj, dModel, dInner);
    expect("outBias", layer.outBias, dModel);
    expect("convState", layer.convState, rows, shape.dConv() - 1, dInner);
    expect("ssmState", layer.ssmState, rows, dState, dInner);
    if (layer.convState == null && shape.dConv() > 1) {
      throw new ShapeMismatchException(
          OP + ": convState is missing, expected one, for dConv is " + shape.dConv());
    }
  }

  private static void expect(String argument, @Nullable Tensor tensor, int... dims) {
    Shape expected = Shape.of(dims);
    if (tensor != null && !tensor.shape().equals(expected)) {
      throw new ShapeMismatchException(
          OP
              + ": "
              + argument
              + " has shape "
              + tensor.shape()
              + ", expected "
              + expected
              + " (from hidden and the first block)");
    }
  }

  private static Tensor run(
      StepKernels kernels, StepKernels.Shape shape, List<StepKernels.Layer> layers, Tensor hidden) {
    Scope scope = hidden.scope();
    Tensor out = scope.empty(hidden.shape());
    scope.withWorkspace(
        kernels.workspaceFloats(shape, layers.size()),
        workspace -> {
          StepKernels.Step step =
              new StepKernels.Step(shape, layers, hidden.view(), out.view(), workspace);
          scope.launch(() -> kernels.step(step));
        });
    return out;
  }
}
