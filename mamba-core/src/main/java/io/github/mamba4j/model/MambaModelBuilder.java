package io.github.mamba4j.model;

import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba1Mixer.StepWeights;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.nn.MixerConfig;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link MambaModel} with fresh parameters. What is not set has upstream's default, see
 * {@link MambaConfig}, {@link Mamba1Mixer.Config} and {@link Mamba2Mixer.Config}; dModel and
 * nLayers are 2560 and 64 there.
 *
 * <p>Each setter may be called once, and refuses a value that is out of range at once.
 */
public final class MambaModelBuilder {
  private static final List<String> MAMBA1_ONLY =
      List.of("dtRank", "dtScale", "dtInit", "discretization");
  private static final List<String> MAMBA2_ONLY =
      List.of(
          "headDim",
          "nGroups",
          "chunkSize",
          "dtLimit",
          "aInitRange",
          "dPerChannel",
          "outputNorm",
          "normBeforeGate");

  private final Set<String> set = new HashSet<>();
  private Architecture architecture = Architecture.MAMBA1;
  private int dModel = 2560;
  private int nLayers = 64;
  private int vocabSize = 50277;
  private int padVocabSizeMultiple = 8;
  private int dState;
  private int dConv = 4;
  private int expand = 2;
  private int dtRank;
  private double dtMin = 0.001;
  private double dtMax = 0.1;
  private double dtInitFloor = 1e-4;
  private double dtScale = 1;
  private StepWeights dtInit = StepWeights.RANDOM;
  private boolean convBias = true;
  private boolean bias;
  private boolean tieEmbeddings = true;
  private double normEps = 1e-5;
  private double initializerRange = 0.02;
  private Discretization discretization = Discretization.EULER;
  private int headDim = 64;
  private int nGroups = 1;
  private int chunkSize = 256;
  private double dtLimitMin;
  private double dtLimitMax = Double.POSITIVE_INFINITY;
  private double aInitMin = 1;
  private double aInitMax = 16;
  private boolean dPerChannel;
  private OutputNorm outputNorm = OutputNorm.GROUPS;
  private boolean normBeforeGate;
  private long seed;
  private String deviceName = "auto";
  private int threads;
  private @Nullable Device device;

  MambaModelBuilder() {}

  /**
   * Sets the kind of the mixers; Mamba-1 if not set.
   *
   * @param value the kind
   * @return this
   */
  public MambaModelBuilder architecture(Architecture value) {
    once("architecture");
    architecture = value;
    return this;
  }

  /**
   * Sets the width of the residual stream.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dModel(int value) {
    dModel = positive("dModel", value);
    return this;
  }

  /**
   * Sets the number of residual blocks.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder nLayers(int value) {
    nLayers = positive("nLayers", value);
    return this;
  }

  /**
   * Sets the number of tokens.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder vocabSize(int value) {
    vocabSize = positive("vocabSize", value);
    return this;
  }

  /**
   * Sets what the number of embedding rows is rounded up to a multiple of.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder padVocabSizeMultiple(int value) {
    padVocabSizeMultiple = positive("padVocabSizeMultiple", value);
    return this;
  }

  /**
   * Sets the states a channel; not set, 16 for Mamba-1 and 128 for Mamba-2.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dState(int value) {
    dState = positive("dState", value);
    return this;
  }

  /**
   * Sets the taps of the convolution.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dConv(int value) {
    dConv = positive("dConv", value);
    return this;
  }

  /**
   * Sets the factor from dModel to the channels of the scan.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder expand(int value) {
    expand = positive("expand", value);
    return this;
  }

  /**
   * Sets the rank of Mamba-1's step-size projection; not set, it is dModel / 16 rounded up.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dtRank(int value) {
    dtRank = positive("dtRank", value);
    return this;
  }

  /**
   * Sets the smallest initial step.
   *
   * @param value positive, not above dtMax
   * @return this
   */
  public MambaModelBuilder dtMin(double value) {
    dtMin = positive("dtMin", value);
    requireOrder();
    return this;
  }

  /**
   * Sets the largest initial step.
   *
   * @param value positive, not below dtMin
   * @return this
   */
  public MambaModelBuilder dtMax(double value) {
    dtMax = positive("dtMax", value);
    requireOrder();
    return this;
  }

  private void requireOrder() {
    if (set.contains("dtMin") && set.contains("dtMax") && dtMin > dtMax) {
      throw new IllegalArgumentException(
          "MambaModel: dtMin must not be above dtMax, got " + dtMin + " and " + dtMax);
    }
  }

  /**
   * Sets the lower bound of an initial step.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dtInitFloor(double value) {
    dtInitFloor = positive("dtInitFloor", value);
    return this;
  }

  /**
   * Sets the factor of the range of the step-size projection's initial weights.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder dtScale(double value) {
    dtScale = positive("dtScale", value);
    return this;
  }

  /**
   * Sets how those weights are drawn.
   *
   * @param value the way
   * @return this
   */
  public MambaModelBuilder dtInit(StepWeights value) {
    once("dtInit");
    dtInit = value;
    return this;
  }

  /**
   * Sets whether the convolution has a bias.
   *
   * @param value true for a bias
   * @return this
   */
  public MambaModelBuilder convBias(boolean value) {
    once("convBias");
    convBias = value;
    return this;
  }

  /**
   * Sets whether the input and output projections have a bias.
   *
   * @param value true for biases
   * @return this
   */
  public MambaModelBuilder bias(boolean value) {
    once("bias");
    bias = value;
    return this;
  }

  /**
   * Sets whether the head is the embedding table.
   *
   * @param value true if it is
   * @return this
   */
  public MambaModelBuilder tieEmbeddings(boolean value) {
    once("tieEmbeddings");
    tieEmbeddings = value;
    return this;
  }

  /**
   * Sets what is added to the mean square in every normalisation.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder normEps(double value) {
    normEps = positive("normEps", value);
    return this;
  }

  /**
   * Sets the standard deviation of the initial embeddings.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder initializerRange(double value) {
    initializerRange = positive("initializerRange", value);
    return this;
  }

  /**
   * Sets how B̄ is formed. Released weights need EULER.
   *
   * @param value the way
   * @return this
   */
  public MambaModelBuilder discretization(Discretization value) {
    once("discretization");
    discretization = value;
    return this;
  }

  /**
   * Sets the channels a head of Mamba-2.
   *
   * @param value positive, divides expand · dModel
   * @return this
   */
  public MambaModelBuilder headDim(int value) {
    headDim = positive("headDim", value);
    return this;
  }

  /**
   * Sets the groups of Mamba-2's heads that share B and C.
   *
   * @param value positive, divides the number of heads
   * @return this
   */
  public MambaModelBuilder nGroups(int value) {
    nGroups = positive("nGroups", value);
    return this;
  }

  /**
   * Sets the steps that Mamba-2 computes as one matrix product; changes speed and rounding only.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder chunkSize(int value) {
    chunkSize = positive("chunkSize", value);
    return this;
  }

  /**
   * Sets the bounds of Mamba-2's step size Δ; not set, 0 and infinity.
   *
   * @param min not negative
   * @param max above min, may be infinite
   * @return this
   */
  public MambaModelBuilder dtLimit(double min, double max) {
    once("dtLimit");
    if (!(min >= 0 && min < max)) {
      throw new IllegalArgumentException(
          "MambaModel: dtLimit must rise from 0 or more, got " + min + " and " + max);
    }
    dtLimitMin = min;
    dtLimitMax = max;
    return this;
  }

  /**
   * Sets the range that the initial −A of Mamba-2's heads are drawn from.
   *
   * @param min positive
   * @param max at least min
   * @return this
   */
  public MambaModelBuilder aInitRange(double min, double max) {
    once("aInitRange");
    if (!(min > 0 && min <= max) || Double.isInfinite(max)) {
      throw new IllegalArgumentException(
          "MambaModel: aInitRange must be positive and finite, got " + min + " and " + max);
    }
    aInitMin = min;
    aInitMax = max;
    return this;
  }

  /**
   * Sets whether D of Mamba-2 has one element a channel instead of one a head.
   *
   * @param value true for one a channel
   * @return this
   */
  public MambaModelBuilder dPerChannel(boolean value) {
    once("dPerChannel");
    dPerChannel = value;
    return this;
  }

  /**
   * Sets how Mamba-2 normalises before its output projection. With one group GROUPS and WHOLE are
   * the same; with more, Hugging Face's classes compute WHOLE.
   *
   * @param value the way
   * @return this
   */
  public MambaModelBuilder outputNorm(OutputNorm value) {
    once("outputNorm");
    outputNorm = value;
    return this;
  }

  /**
   * Sets whether Mamba-2 gates what was normalised instead of normalising what was gated.
   *
   * @param value true to normalise first
   * @return this
   */
  public MambaModelBuilder normBeforeGate(boolean value) {
    once("normBeforeGate");
    normBeforeGate = value;
    return this;
  }

  /**
   * Sets the seed of the initial parameters; 0 if not set. Equal seeds give equal parameters.
   *
   * @param value any number
   * @return this
   */
  public MambaModelBuilder seed(long value) {
    once("seed");
    seed = value;
    return this;
  }

  /**
   * Sets the device by name, see {@link Device#open(String, int)}; the model closes it.
   *
   * @param name {@code auto}, {@code cpu}, {@code cuda}, {@code cuda:1}
   * @return this
   */
  public MambaModelBuilder device(String name) {
    once("device");
    deviceName = name;
    return this;
  }

  /**
   * Sets the device; it stays open when the model is closed.
   *
   * @param value an open device
   * @return this
   */
  public MambaModelBuilder device(Device value) {
    once("device");
    if (set.contains("threads")) {
      throw new IllegalArgumentException(
          "MambaModel: threads are the device's own; set them when opening it");
    }
    device = value;
    return this;
  }

  /**
   * Sets the number of CPU threads; not set, one per processor.
   *
   * @param value positive
   * @return this
   */
  public MambaModelBuilder threads(int value) {
    threads = positive("threads", value);
    if (device != null) {
      throw new IllegalArgumentException(
          "MambaModel: threads are the device's own; set them when opening it");
    }
    return this;
  }

  /**
   * Makes the configuration without making a model.
   *
   * @return the configuration
   */
  public MambaConfig config() {
    refuse(architecture == Architecture.MAMBA1 ? MAMBA2_ONLY : MAMBA1_ONLY);
    if ((long) expand * dModel > Integer.MAX_VALUE / 4) {
      throw new IllegalArgumentException(
          "MambaModel: expand · dModel must be below 2^29, got " + (long) expand * dModel);
    }
    return new MambaConfig(
        nLayers,
        vocabSize,
        padVocabSizeMultiple,
        architecture == Architecture.MAMBA1 ? mamba1() : mamba2(),
        tieEmbeddings,
        normEps,
        initializerRange);
  }

  private void refuse(List<String> foreign) {
    List<String> found = new ArrayList<>(foreign);
    found.retainAll(set);
    if (!found.isEmpty()) {
      throw new IllegalArgumentException(
          "MambaModel: "
              + String.join(", ", found)
              + (found.size() == 1 ? " does not belong to " : " do not belong to ")
              + architecture
              + "; leave them out or choose another architecture");
    }
  }

  private MixerConfig mamba1() {
    return new Mamba1Mixer.Config(
        dModel,
        expand * dModel,
        dState == 0 ? 16 : dState,
        dConv,
        dtRank == 0 ? (dModel + 15) / 16 : dtRank,
        bias,
        convBias,
        new MixerConfig.StepInit(dtMin, dtMax, dtInitFloor),
        dtScale,
        dtInit,
        discretization);
  }

  private MixerConfig mamba2() {
    return new Mamba2Mixer.Config(
        dModel,
        expand * dModel,
        dState == 0 ? 128 : dState,
        dConv,
        headDim,
        nGroups,
        chunkSize,
        bias,
        convBias,
        new MixerConfig.StepInit(dtMin, dtMax, dtInitFloor),
        dtLimitMin,
        dtLimitMax,
        aInitMin,
        aInitMax,
        dPerChannel,
        outputNorm,
        normBeforeGate,
        normEps);
  }

  /**
   * Makes the model.
   *
   * @return the model, to be closed by the caller
   * @throws IllegalArgumentException if settings contradict each other; the message names all that
   *     do
   * @throws io.github.mamba4j.spi.BackendUnavailableException if the device cannot run here
   */
  public MambaModel build() {
    MambaConfig config = config();
    Device owned = device;
    return owned == null
        ? MambaModel.initialised(config, Device.open(deviceName, threads), true, seed)
        : MambaModel.initialised(config, owned, false, seed);
  }

  private void once(String name) {
    if (!set.add(name)) {
      throw new IllegalStateException("MambaModel: " + name + " was set before");
    }
  }

  private int positive(String name, int value) {
    once(name);
    if (value <= 0) {
      throw new IllegalArgumentException("MambaModel: " + name + " must be positive, got " + value);
    }
    return value;
  }

  private double positive(String name, double value) {
    once(name);
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "MambaModel: " + name + " must be positive and finite, got " + value);
    }
    return value;
  }
}
