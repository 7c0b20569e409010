package io.github.mamba4j.nn;

import io.github.mamba4j.spi.ElementwiseKernels.Unary;
import io.github.mamba4j.tensor.CausalConv1dOp;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.SsdOp;
import io.github.mamba4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The Mamba-2 mixer (Dao and Gu 2024, section 7; parameters, defaults and initialisation of
 * state-spaces/mamba's {@code Mamba2}): one projection makes gate, input, B, C and step sizes, the
 * convolution runs over input, B and C together, and the decay is one number a head.
 */
public final class Mamba2Mixer implements Mixer {
  /** How the scan's result is gated and normalised before the output projection. */
  public enum OutputNorm {
    /** Gate, then normalise each group's channels on their own: state-spaces/mamba. */
    GROUPS,
    /** Gate, then normalise all channels together: Hugging Face's {@code Mamba2}. */
    WHOLE,
    /** Gate only. */
    NONE
  }

  /**
   * The sizes and initial ranges of a mixer.
   *
   * @param dModel width of the residual stream, positive
   * @param dInner channels of the scan, positive (upstream: 2 · dModel)
   * @param dState states a channel, positive (upstream: 128)
   * @param dConv taps of the convolution, positive (upstream: 4)
   * @param headDim channels a head, divides dInner (upstream: 64)
   * @param nGroups groups of heads that share B and C, divides the number of heads (upstream: 1)
   * @param chunkSize steps that are computed as one matrix product, positive (upstream: 256);
   *     changes speed and rounding only
   * @param bias true for a bias in the input and output projections (upstream: false)
   * @param convBias true for a bias in the convolution (upstream: true)
   * @param step how the step-size bias starts
   * @param stepLimitMin lower bound of Δ, not negative (upstream: 0)
   * @param stepLimitMax upper bound of Δ, above stepLimitMin, may be infinite (upstream: ∞)
   * @param decayMin smallest initial −A, positive (upstream: 1)
   * @param decayMax largest initial −A, at least decayMin (upstream: 16)
   * @param skipPerChannel true if D has one element a channel, false for one a head (upstream)
   * @param outputNorm how the result is normalised (upstream: GROUPS)
   * @param normFirst true to gate the normalised result instead of normalising the gated one
   *     (upstream: false)
   * @param normEps added to the mean square, positive (upstream: 1e-5)
   */
  public record Config(
      int dModel,
      int dInner,
      int dState,
      int dConv,
      int headDim,
      int nGroups,
      int chunkSize,
      boolean bias,
      boolean convBias,
      StepInit step,
      double stepLimitMin,
      double stepLimitMax,
      double decayMin,
      double decayMax,
      boolean skipPerChannel,
      OutputNorm outputNorm,
      boolean normFirst,
      double normEps)
      implements MixerConfig {
    /**
     * Checks all fields.
     *
     * @throws IllegalArgumentException if any is out of range; the message names all that are
     */
    public Config {
      Checks checks = new Checks("Mamba-2");
      checks.positive("dModel", dModel);
      checks.positive("dInner", dInner);
      checks.positive("dState", dState);
      checks.positive("dConv", dConv);
      checks.positive("headDim", headDim);
      checks.positive("nGroups", nGroups);
      checks.positive("chunkSize", chunkSize);
      checks.positive("decayMin", decayMin);
      checks.positive("decayMax", decayMax);
      checks.positive("normEps", normEps);
      // The rows of in_proj, nearly; one head for each channel at most.
      checks.size("3 · dInner + 2 · nGroups · dState", 3L * dInner + 2L * nGroups * dState);
      checks.require(
          headDim <= 0 || dInner % headDim == 0,
          "headDim must divide dInner, got " + headDim + " and " + dInner);
      checks.require(
          headDim <= 0 || nGroups <= 0 || dInner / headDim % nGroups == 0,
          "nGroups must divide the number of heads, got " + nGroups + " and " + dInner / headDim);
      checks.require(
          stepLimitMin >= 0 && stepLimitMin < stepLimitMax,
          "the limits of the step must be 0 or more and rise, got "
              + stepLimitMin
              + " and "
              + stepLimitMax);
      checks.require(
          !(decayMin > decayMax),
          "decayMin must not be above decayMax, got " + decayMin + " and " + decayMax);
      checks.finish();
    }

    /**
     * Returns the number of heads.
     *
     * @return dInner / headDim
     */
    public int heads() {
      return dInner / headDim;
    }

    @Override
    public int convChannels() {
      return dInner + 2 * nGroups * dState;
    }

    @Override
    public Mixer create(ParameterStore store, String name, double outScale) {
      return new Mamba2Mixer(store, name, this, outScale);
    }
  }

  private final Config config;
  private final SsdOp.Options options;
  private final Linear inProj;
  private final CausalConv1d conv1d;
  private final Tensor dtBias;
  private final Tensor aLog;
  private final Derived decay;
  private final Tensor dSkip;
  private final @Nullable GatedRmsNorm norm;
  private final Linear outProj;

  /**
   * Makes the mixer.
   *
   * @param store where its parameters are made
   * @param name prefix of their names
   * @param config sizes and initial ranges
   * @param outScale factor of the output projection's initial range (upstream: 1/√nLayers)
   */
  public Mamba2Mixer(ParameterStore store, String name, Config config, double outScale) {
    this.config = config;
    int dInner = config.dInner;
    int heads = config.heads();
    this.options =
        new SsdOp.Options(
            config.headDim,
            config.nGroups,
            config.chunkSize,
            (float) config.stepLimitMin,
            (float) config.stepLimitMax);
    int projected = dInner + config.convChannels() + heads;
    Init zero = config.bias ? Init.constant(0) : null;
    inProj = new Linear(store, name + ".in_proj", config.dModel, projected, config.bias);
    conv1d =
        new CausalConv1d(
            store, name + ".conv1d", config.convChannels(), config.dConv, config.convBias);
    dtBias = store.create(name + ".dt_bias", Shape.of(heads), config.step.init());
    aLog =
        store.create(
            name + ".A_log", Shape.of(heads), Init.logUniform(config.decayMin, config.decayMax));
    decay = new Derived(store, aLog, Shape.of(heads), Mamba2Mixer::decay);
    dSkip =
        store.create(
            name + ".D", Shape.of(config.skipPerChannel ? dInner : heads), Init.constant(1));
    norm =
        switch (config.outputNorm) {
          case NONE -> null;
          case WHOLE -> gatedNorm(store, name, config, 1);
          case GROUPS -> gatedNorm(store, name, config, config.nGroups);
        };
    Init outInit = Init.uniform(outScale / Math.sqrt(dInner));
    outProj = new Linear(store, name + ".out_proj", dInner, config.dModel, zero, outInit);
  }

  private static GatedRmsNorm gatedNorm(
      ParameterStore store, String name, Config config, int groups) {
    return new GatedRmsNorm(
        store, name + ".norm", config.dInner, groups, (float) config.normEps, !config.normFirst);
  }

  @Override
  public Result forward(Tensor hidden, @Nullable MixerState state) {
    Tensor[] zxbcdt = project(hidden);
    CausalConv1dOp.Result conv = conv1d.forward(zxbcdt[1], state == null ? null : state.conv());
    SsdOp.Result scan =
        SsdOp.apply(
            scanInputs(
                conv.out(),
                zxbcdt[2],
                decay(aLog.in(hidden.scope())),
                state == null ? null : state.ssm()),
            options);
    Tensor out = gateAndProject(scan.out(), zxbcdt[0]);
    return new Result(out, new MixerState(conv.finalState(), scan.finalState()));
  }

  @Override
  public Tensor advance(Tensor hidden, MixerState state) {
    Tensor[] zxbcdt = project(hidden);
    Tensor xbc = conv1d.advance(zxbcdt[1], state.conv());
    Tensor out = SsdOp.advance(scanInputs(xbc, zxbcdt[2], decay.value(), state.ssm()), options);
    return gateAndProject(out, zxbcdt[0]);
  }

  private Tensor[] project(Tensor hidden) {
    return inProj.forward(hidden).split(config.dInner, config.convChannels(), config.heads());
  }

  @Override
  public void refresh(Scope work) {
    conv1d.refresh(work);
    decay.refresh(work);
  }

  /** {@code A = −exp(A_log)}. */
  private static Tensor decay(Tensor aLog) {
    return aLog.map(Unary.EXP).map(Unary.NEGATE);
  }

  private SsdOp.Inputs scanInputs(
      Tensor convolved, Tensor dt, Tensor a, @Nullable Tensor ssmState) {
    int projection = config.nGroups * config.dState;
    Tensor[] xbc = convolved.split(config.dInner, projection, projection);
    return new SsdOp.Inputs(xbc[0], dt, a, xbc[1], xbc[2], dSkip, dtBias, ssmState);
  }

  private Tensor gateAndProject(Tensor out, Tensor z) {
    Tensor gated = norm == null ? out.multiply(z.map(Unary.SILU)) : norm.forward(out, z);
    return outProj.forward(gated);
  }
}
