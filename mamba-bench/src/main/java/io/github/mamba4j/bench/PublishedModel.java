package io.github.mamba4j.bench;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.lang.foreign.ValueLayout;

/** A model of the sizes of {@code state-spaces/mamba-130m} with random weights, and text for it. */
final class PublishedModel {
  private static final int D_MODEL = 768;
  private static final int N_LAYERS = 24;
  private static final int VOCAB = 50280;
  private static final int TOKEN_STRIDE = 7919;

  private PublishedModel() {}

  /** Makes the model; its device has the given number of threads. */
  static MambaModel create(int threads) {
    return MambaModel.builder()
        .dModel(D_MODEL)
        .nLayers(N_LAYERS)
        .vocabSize(VOCAB)
        .seed(1)
        .threads(threads)
        .build();
  }

  /** Returns token number {@code index} of a text without a pattern. */
  static int token(long index) {
    return (int) (index * TOKEN_STRIDE % VOCAB);
  }

  /** Returns the first tokens of that text. */
  static int[] tokens(int count) {
    int[] tokens = new int[count];
    for (int i = 0; i < count; i++) {
      tokens[i] = token(i);
    }
    return tokens;
  }

  /** Returns a copy of the logits on the heap. */
  static float[] logits(InferenceState state) {
    return state.logits().toArray(ValueLayout.JAVA_FLOAT);
  }
}
