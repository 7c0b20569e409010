package io.github.mamba4j.model;

import io.github.mamba4j.nn.MixerConfig;

/**
 * The hyper-parameters of a Mamba language model. The {@link MambaModelBuilder} supplies
 * state-spaces/mamba's defaults.
 *
 * @param nLayers residual blocks, positive
 * @param vocabSize tokens that exist, positive (upstream: 50277)
 * @param padVocabSizeMultiple the embedding has vocabSize rows rounded up to a multiple of this,
 *     positive (upstream: 8)
 * @param mixer kind and sizes of the mixers, all alike
 * @param tieEmbeddings true if the head is the embedding table (upstream: true)
 * @param normEps added to the mean square in every normalisation of the residual stream, positive
 *     (upstream: 1e-5)
 * @param initializerRange standard deviation of the initial embeddings, positive (upstream: 0.02)
 */
public record MambaConfig(
    int nLayers,
    int vocabSize,
    int padVocabSizeMultiple,
    MixerConfig mixer,
    boolean tieEmbeddings,
    double normEps,
    double initializerRange) {
  /**
   * Checks all fields.
   *
   * @throws IllegalArgumentException if any is out of range; the message names all that are
   */
  public MambaConfig {
    MixerConfig.Checks checks = new MixerConfig.Checks("MambaConfig");
    checks.positive("nLayers", nLayers);
    checks.positive("vocabSize", vocabSize);
    checks.positive("padVocabSizeMultiple", padVocabSizeMultiple);
    checks.positive("normEps", normEps);
    checks.positive("initializerRange", initializerRange);
    checks.finish();
  }

  /**
   * Returns the kind of the mixers.
   *
   * @return the architecture
   */
  public Architecture architecture() {
    return Architecture.of(mixer);
  }

  /**
   * Returns the width of the residual stream.
   *
   * @return positive
   */
  public int dModel() {
    return mixer.dModel();
  }

  /**
   * Returns the number of channels of the scan.
   *
   * @return positive (upstream: expand · dModel)
   */
  public int dInner() {
    return mixer.dInner();
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
