package io.github.mamba4j.model;

import io.github.mamba4j.tensor.Device;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/** Small models with odd sizes, so that vectors have tails, and tokens for them. */
final class TinyModels {
  static final int VOCAB = 29;

  private TinyModels() {}

  static MambaModelBuilder builder(Architecture kind, Device device) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(21)
            .nLayers(2)
            .vocabSize(VOCAB)
            .dState(5)
            .seed(7)
            .device(device);
    return kind == Architecture.MAMBA1 ? builder : builder.headDim(7).nGroups(2).chunkSize(16);
  }

  static int[] tokens(int count, long seed) {
    return new Random(seed).ints(count, 0, VOCAB).toArray();
  }

  /** The logits of each sequence of a state. */
  static float[][] logits(InferenceState state) {
    float[] all = state.logits().toArray(ValueLayout.JAVA_FLOAT);
    float[][] rows = new float[state.batch()][];
    Arrays.setAll(rows, i -> Arrays.copyOfRange(all, i * VOCAB, (i + 1) * VOCAB));
    return rows;
  }

  static float[] logits(SessionBatch.Session session) {
    return session.logits().toArray(ValueLayout.JAVA_FLOAT);
  }

  /** What a sequence gives that is alone. */
  static float[] alone(MambaModel model, int[] prompt, int... steps) {
    try (InferenceState state = model.newState()) {
      state.prefill(prompt);
      for (int token : steps) {
        state.step(token);
      }
      return logits(state)[0];
    }
  }
}
