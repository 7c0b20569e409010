package io.github.mamba4j.model;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import java.util.ArrayList;
import java.util.List;

/**
 * The hyper-parameters of a Mamba language model. Names and defaults are those of
 * state-spaces/mamba ({@code MambaConfig} and {@code Mamba}); the {@link MambaModelBuilder}
 * supplies the defaults.
 *
 * @param dModel width of the residual stream, positive
 * @param nLayers residual blocks, positive
 * @param vocabSize tokens that exist, positive (upstream: 50277)
 * @param padVocabSizeMultiple the embedding has vocabSize rows rounded up to a multiple of this,
 *     positive (upstream: 8)
 * @param dState states a channel, positive (upstream: 16)
 * @param dConv taps of the convolution, positive (upstream: 4)
 * @param expand dInner = expand · dModel, positive (upstream: 2)
 * @param dtRank rank of the step-size projection, positive (upstream: dModel / 16, rounded up)
 * @param dtMin smallest initial step, positive (upstream: 0.001)
 * @param dtMax largest initial step, at least dtMin (upstream: 0.1)
 * @param dtInitFloor lower bound of an initial step, positive (upstream: 1e-4)
 * @param dtScale factor of the range of the step-size projection's initial weights, positive
 *     (upstream: 1)
 * @param dtInit how those weights are drawn (upstream: RANDOM)
 * @param convBias true for a bias in the convolution (upstream: true)
 * @param bias true for a bias in the input and output projections (upstream: false)
 * @param tieEmbeddings true if the head is the embedding table (upstream: true)
 * @param normEps added to the mean square in every normalisation, positive (upstream: 1e-5)
 * @param initializerRange standard deviation of the initial embeddings, positive (upstream: 0.02)
 * @param discretization how B̄ is formed (upstream: EULER)
 */
public record MambaConfig(
    int dModel,
    int nLayers,
    int vocabSize,
    int padVocabSizeMultiple,
    int dState,
    int dConv,
    int expand,
    int dtRank,
    double dtMin,
    double dtMax,
    double dtInitFloor,
    double dtScale,
    DtInit dtInit,
    boolean convBias,
    boolean bias,
    boolean tieEmbeddings,
    double normEps,
    double initializerRange,
    Discretization discretization) {
  /** How the weights of the step-size projection start. */
  public enum DtInit {
    /** Uniform in ±dtScale/√dtRank. */
    RANDOM,
    /** All dtScale/√dtRank. */
    CONSTANT
  }

  /**
   * Checks all fields.
   *
   * @throws IllegalArgumentException if any is out of range; the message names all that are
   */
  public MambaConfig {
    List<String> wrong = new ArrayList<>();
    positive(wrong, "dModel", dModel);
    positive(wrong, "nLayers", nLayers);
    positive(wrong, "vocabSize", vocabSize);
    positive(wrong, "padVocabSizeMultiple", padVocabSizeMultiple);
    positive(wrong, "dState", dState);
    positive(wrong, "dConv", dConv);
    positive(wrong, "expand", expand);
    positive(wrong, "dtRank", dtRank);
    positive(wrong, "dtMin", dtMin);
    positive(wrong, "dtMax", dtMax);
    positive(wrong, "dtInitFloor", dtInitFloor);
    positive(wrong, "dtScale", dtScale);
    positive(wrong, "normEps", normEps);
    positive(wrong, "initializerRange", initializerRange);
    if (dtMin > dtMax) {
      wrong.add("dtMin must not be above dtMax, got " + dtMin + " and " + dtMax);
    }
    if ((long) expand * dModel > Integer.MAX_VALUE / 4) {
      wrong.add("expand · dModel must be below 2^29, got " + (long) expand * dModel);
    }
    if (!wrong.isEmpty()) {
      throw new IllegalArgumentException("MambaConfig: " + String.join("; ", wrong));
    }
  }

  private static void positive(List<String> wrong, String name, long value) {
    if (value <= 0) {
      wrong.add(name + " must be positive, got " + value);
    }
  }

  private static void positive(List<String> wrong, String name, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      wrong.add(name + " must be positive and finite, got " + value);
    }
  }

  /**
   * Returns the number of channels of the scan.
   *
   * @return expand · dModel
   */
  public int dInner() {
    return expand * dModel;
  }

  /**
   * Returns the number of rows of the embedding table and of the head.
   *
   * @return vocabSize rounded up to a multiple of padVocabSizeMultiple
   */
  public int paddedVocabSize() {
    return Math.toIntExact(
        ((long) vocabSize + padVocabSizeMultiple - 1)
            / padVocabSizeMultiple
            * padVocabSizeMultiple);
  }
}
