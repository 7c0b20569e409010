package io.github.mamba4j.nn;

import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.SelectiveScanOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The Mamba-1 mixer (Gu and Dao 2023, figure 3 and algorithm 2; parameters, defaults and
 * initialisation of state-spaces/mamba's {@code Mamba}).
 */
public final class Mamba1Mixer {
  /**
   * The sizes and initial ranges of a mixer.
   *
   * @param dModel width of the residual stream, positive
   * @param dInner channels of the scan, positive (upstream: expand · dModel)
   * @param dState states a channel, positive
   * @param dConv taps of the convolution, positive
   * @param dtRank rank of the step-size projection, positive
   * @param bias true for a bias in the input and output projections
   * @param convBias true for a bias in the convolution
   * @param step how the step-size projection starts
   * @param discretization how B̄ is formed
   */
  public record Config(
      int dModel,
      int dInner,
      int dState,
      int dConv,
      int dtRank,
      boolean bias,
      boolean convBias,
      StepInit step,
      Discretization discretization) {}

  /**
   * How the step-size projection starts.
   *
   * @param min smallest step, positive (upstream: 0.001)
   * @param max largest step, at least min (upstream: 0.1)
   * @param floor lower bound of a drawn step, positive (upstream: 1e-4)
   * @param scale factor of the weights' range (upstream: 1)
   * @param constant true for constant weights instead of uniform ones
   */
  public record StepInit(double min, double max, double floor, double scale, boolean constant) {}

  /**
   * What a mixer gives.
   *
   * @param out [batch, length, dModel]
   * @param state what to carry on with
   */
  public record Result(Tensor out, MixerState state) {}

  private final Config config;
  private final Linear inProj;
  private final CausalConv1d conv1d;
  private final Linear xProj;
  private final Linear dtProj;
  private final Tensor aLog;
  private final Tensor dSkip;
  private final Linear outProj;

  /**
   * Makes the mixer.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param config sizes and initial ranges
   * @param outScale factor of the output projection's initial range (upstream: 1/√nLayers)
   */
  public Mamba1Mixer(ParameterStore store, String name, Config config, double outScale) {
    this.config = config;
    int dInner = config.dInner;
    int rank = config.dtRank;
    StepInit step = config.step;
    Init zero = config.bias ? Init.constant(0) : null;
    double dtBound = step.scale / Math.sqrt(rank);
    inProj = new Linear(store, name + ".in_proj", config.dModel, 2 * dInner, config.bias);
    conv1d = new CausalConv1d(store, name + ".conv1d", dInner, config.dConv, config.convBias);
    xProj = new Linear(store, name + ".x_proj", dInner, rank + 2 * config.dState, false);
    dtProj =
        new Linear(
            store,
            name + ".dt_proj",
            rank,
            dInner,
            Init.inverseSoftplusStep(step.min, step.max, step.floor),
            step.constant ? Init.constant((float) dtBound) : Init.uniform(dtBound));
    aLog =
        store.create(
            name + ".A_log", Shape.of(dInner, config.dState), Init.logStateIndex(config.dState));
    dSkip = store.create(name + ".D", Shape.of(dInner), Init.constant(1));
    Init outInit = Init.uniform(outScale / Math.sqrt(dInner));
    outProj = new Linear(store, name + ".out_proj", dInner, config.dModel, zero, outInit);
  }

  /**
   * Mixes a sequence over time.
   *
   * @param hidden [batch, length, dModel]
   * @param state what an earlier piece of the sequence left, or null for its start
   * @return the result and what to carry on with
   */
  public Result forward(Tensor hidden, @Nullable MixerState state) {
    Tensor[] xz = inProj.forward(hidden).split(config.dInner, config.dInner);
    CausalConv1dOp.Result conv = conv1d.forward(xz[0], state == null ? null : state.conv());
    Tensor u = conv.out();
    Tensor[] dtBC = xProj.forward(u).split(config.dtRank, config.dState, config.dState);
    Tensor dt = dtProj.forwardWithoutBias(dtBC[0]);
    Tensor a = aLog.in(hidden.scope()).map(Unary.EXP).map(Unary.NEGATE);
    Tensor dtBias = Objects.requireNonNull(dtProj.bias());
    SelectiveScanOp.Result scan =
        SelectiveScanOp.apply(
            new SelectiveScanOp.Inputs(
                u,
                dt,
                a,
                dtBC[1],
                dtBC[2],
                dSkip,
                xz[1],
                dtBias,
                state == null ? null : state.ssm()),
            config.discretization);
    Tensor out = outProj.forward(scan.out());
    return new Result(out, new MixerState(conv.finalState(), scan.finalState()));
  }
}
