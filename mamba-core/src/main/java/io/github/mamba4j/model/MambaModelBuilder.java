package io.github.mamba4j.model;

import io.github.mamba4j.model.MambaConfig.DtInit;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link MambaModel} with fresh parameters. What is not set has upstream's default, see
 * {@link MambaConfig}; dModel and nLayers are 2560 and 64 there.
 *
 * <p>Each setter may be called once, and refuses a value that is out of range at once.
 */
public final class MambaModelBuilder {
  private final Set<String> set = new HashSet<>();
  private int dModel = 2560;
  private int nLayers = 64;
  private int vocabSize = 50277;
  private int padVocabSizeMultiple = 8;
  private int dState = 16;
  private int dConv = 4;
  private int expand = 2;
  private int dtRank;
  private double dtMin = 0.001;
  private double dtMax = 0.1;
  private double dtInitFloor = 1e-4;
  private double dtScale = 1;
  private DtInit dtInit = DtInit.RANDOM;
  private boolean convBias = true;
  private boolean bias;
  private boolean tieEmbeddings = true;
  private double normEps = 1e-5;
  private double initializerRange = 0.02;
  private Discretization discretization = Discretization.EULER;
  private long seed;
  private String deviceName = "auto";
  private int threads;
  private @Nullable Device device;

  MambaModelBuilder() {}

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
   * Sets the states a channel.
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
   * Sets the rank of the step-size projection; not set, it is dModel / 16 rounded up.
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
  public MambaModelBuilder dtInit(DtInit value) {
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
    return new MambaConfig(
        dModel,
        nLayers,
        vocabSize,
        padVocabSizeMultiple,
        dState,
        dConv,
        expand,
        dtRank == 0 ? (dModel + 15) / 16 : dtRank,
        dtMin,
        dtMax,
        dtInitFloor,
        dtScale,
        dtInit,
        convBias,
        bias,
        tieEmbeddings,
        normEps,
        initializerRange,
        discretization);
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
