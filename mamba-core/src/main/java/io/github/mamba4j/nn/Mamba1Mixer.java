package io.github.mamba4j.nn;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.DecayOp;
import io.github.mamba4j.tensor.Mamba1StepOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.SelectiveScanOp;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The Mamba-1 mixer (Gu and Dao 2023, figure 3 and algorithm 2; parameters, defaults and
 * initialisation of state-spaces/mamba's {@code Mamba}).
 */
public final class Mamba1Mixer implements Mixer {
  /** How the weights of the step-size projection start. */
  public enum StepWeights {
    /** Uniform in ±stepScale/√dtRank. */
    RANDOM,
    /** All stepScale/√dtRank. */
    CONSTANT
  }

  /**
   * The sizes and initial ranges of a mixer.
   *
   * @param dModel width of the residual stream, positive
   * @param dInner channels of the scan, positive (upstream: 2 · dModel)
   * @param dState states a channel, positive (upstream: 16)
   * @param dConv taps of the convolution, positive (upstream: 4)
   * @param dtRank rank of the step-size projection, positive (upstream: dModel / 16, rounded up)
   * @param bias true for a bias in the input and output projections (upstream: false)
   * @param convBias true for a bias in the convolution (upstream: true)
   * @param step how the bias of the step-size projection starts
   * @param stepScale factor of the range of that projection's initial weights, positive (upstream:
   *     1)
   * @param stepWeights how those weights are drawn (upstream: RANDOM)
   * @param discretization how B̄ is formed (upstream: EULER)
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
      double stepScale,
      StepWeights stepWeights,
      Discretization discretization)
      implements MixerConfig {
    /**
     * Checks all fields.
     *
     * @throws IllegalArgumentException if any is out of range; the message names all that are
     */
    public Config {
      Checks checks = new Checks("Mamba-1");
      checks.positive("dModel", dModel);
      checks.positive("dInner", dInner);
      checks.positive("dState", dState);
      checks.positive("dConv", dConv);
      checks.positive("dtRank", dtRank);
      checks.positive("stepScale", stepScale);
      checks.size("2 · dInner", 2L * dInner);
      checks.size("dtRank + 2 · dState", dtRank + 2L * dState);
      checks.finish();
    }

    @Override
    public int convChannels() {
      return dInner;
    }

    @Override
    public Mixer create(ParameterStore store, String name, double outScale) {
      return new Mamba1Mixer(store, name, this, outScale);
    }
  }

  private final Config config;
  private final Linear inProj;
  private final CausalConv1d conv1d;
  private final Linear xProj;
  private final Linear dtProj;
  private final Tensor aLog;
  private final Derived diagonal;
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
    Init zero = config.bias ? Init.constant(0) : null;
    double dtBound = config.stepScale / Math.sqrt(rank);
    inProj = new Linear(store, name + ".in_proj", config.dModel, 2 * dInner, config.bias);
    conv1d = new CausalConv1d(store, name + ".conv1d", dInner, config.dConv, config.convBias);
    xProj = new Linear(store, name + ".x_proj", dInner, rank + 2 * config.dState, false);
    dtProj =
        new Linear(
            store,
            name + ".dt_proj",
            rank,
            dInner,
            config.step.init(),
            config.stepWeights == StepWeights.CONSTANT
                ? Init.constant((float) dtBound)
                : Init.uniform(dtBound));
    aLog =
        store.create(
            name + ".A_log", Shape.of(dInner, config.dState), Init.logStateIndex(config.dState));
    diagonal = new Derived(store, aLog, Shape.of(config.dState, dInner), DecayOp::apply);
    dSkip = store.create(name + ".D", Shape.of(dInner), Init.constant(1));
    Init outInit = Init.uniform(outScale / Math.sqrt(dInner));
    outProj = new Linear(store, name + ".out_proj", dInner, config.dModel, zero, outInit);
  }

  @Override
  public Result forward(Tensor hidden, @Nullable MixerState state) {
    Tensor[] xz = inProj.forward(hidden).split(config.dInner, config.dInner);
    CausalConv1dOp.Result conv = conv1d.forward(xz[0], state == null ? null : state.conv());
    SelectiveScanOp.Result scan =
        SelectiveScanOp.apply(
            scanInputs(
                conv.out(),
                DecayOp.apply(aLog.in(hidden.scope())),
                xz[1],
                state == null ? null : state.ssm()),
            config.discretization);
    Tensor out = outProj.forward(scan.out());
    return new Result(out, new MixerState(conv.finalState(), scan.finalState()));
  }

  @Override
  public Tensor advance(Tensor hidden, MixerState state) {
    Tensor[] xz = inProj.forward(hidden).split(config.dInner, config.dInner);
    Tensor u = conv1d.advance(xz[0], state.conv());
    SelectiveScanOp.Inputs inputs = scanInputs(u, diagonal.value(), xz[1], state.ssm());
    return outProj.forward(SelectiveScanOp.advance(inputs, config.discretization));
  }

  /**
   * Returns this mixer and the normalisation before it as a step of one token has them; after
   * {@link #refresh}.
   *
   * @param norm weights of the normalisation
   * @param state what the sequences have left so far
   */
  Mamba1StepOp.Layer stepLayer(Tensor norm, MixerState state) {
    return new Mamba1StepOp.Layer(
        norm,
        inProj.weight(),
        inProj.bias(),
        conv1d.taps(),
        conv1d.bias(),
        xProj.weight(),
        dtProj.weight(),
        Objects.requireNonNull(dtProj.bias()),
        diagonal.value(),
        dSkip,
        outProj.weight(),
        outProj.bias(),
        state.conv(),
        state.ssm());
  }

  /** Returns how B̄ is formed. */
  Discretization discretization() {
    return config.discretization;
  }

  @Override
  public void refresh(Scope work) {
    conv1d.refresh(work);
    diagonal.refresh(work);
  }

  private SelectiveScanOp.Inputs scanInputs(
      Tensor u, Tensor a, Tensor z, @Nullable Tensor ssmState) {
    Tensor[] dtBC = xProj.forward(u).split(config.dtRank, config.dState, config.dState);
    Tensor dt = dtProj.forwardWithoutBias(dtBC[0]);
    Tensor dtBias = Objects.requireNonNull(dtProj.bias());
    return new SelectiveScanOp.Inputs(u, dt, a, dtBC[1], dtBC[2], dSkip, z, dtBias, ssmState);
  }
}
