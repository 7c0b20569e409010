package io.github.mamba4j.bench;

import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.lang.foreign.ValueLayout;

/** Models of the sizes of {@code state-spaces/mamba-…} with random weights, and text for them. */
public enum PublishedModel {
  /** {@code mamba-130m}. */
  MAMBA_130M("130m", 768, 24, Architecture.MAMBA1),
  /** {@code mamba-370m}. */
  MAMBA_370M("370m", 1024, 48, Architecture.MAMBA1),
  /** {@code mamba2-130m}. */
  MAMBA2_130M("mamba2-130m", 768, 24, Architecture.MAMBA2);

  /** Tokens of the published vocabulary. */
  public static final int VOCAB = 50280;

  private static final int TOKEN_STRIDE = 7919;

  private final String label;
  private final int dModel;
  private final int nLayers;
  private final Architecture architecture;

  PublishedModel(String label, int dModel, int nLayers, Architecture architecture) {
    this.label = label;
    this.dModel = dModel;
    this.nLayers = nLayers;
    this.architecture = architecture;
  }

  /** Returns the size as it is published, such as 130m. */
  public String label() {
    return label;
  }

  /** Makes the model; its device has the given number of threads. */
  public MambaModel create(int threads) {
    return MambaModel.builder()
        .architecture(architecture)
        .dModel(dModel)
        .nLayers(nLayers)
        .vocabSize(VOCAB)
        .seed(1)
        .threads(threads)
        .build();
  }

  /** Returns token number {@code index} of a text without a pattern. */
  public static int token(long index) {
    return (int) (index * TOKEN_STRIDE % VOCAB);
  }

  /** Returns the first tokens of that text. */
  public static int[] tokens(int count) {
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = token(i);
    }
    return tokens;
  }

  /** Returns a copy of the logits on the heap. */
  public static float[] logits(InferenceState state) {
    return state.logits().toArray(ValueLayout.JAVA_FLOAT);
  }
}
