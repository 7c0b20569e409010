package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.Trainer;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Classifies sequences: the head, a linear layer on the last hidden state, names the class. */
public final class ClassifySequence {
  private ClassifySequence() {}

  /**
   * Trains and prints how many new sequences are classified rightly.
   *
   * @param args not used
   * @throws IOException never, as nothing is written
   */
  public static void main(String[] args) throws IOException {
    IO.println("accuracy " + run(200));
  }

  static double run(int steps) throws IOException {
    try (MambaModel model =
            MambaModel.builder().dModel(16).nLayers(1).vocabSize(8).tieEmbeddings(false).build();
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(new MarkedSequences(16, 1))
                .optimizer(AdamW.of(1e-2))
                .maxSteps(steps)
                .build()) {
      trainer.fit();
      return accuracy(model, new MarkedSequences(100, 2));
    }
  }

  private static double accuracy(MambaModel model, MarkedSequences unseen) {
    int length = unseen.length();
    int[] inputs = new int[unseen.batchSize() * length];
    int[] targets = new int[inputs.length];
    unseen.read(0, 0, inputs, targets);
    int right = 0;
    for (int row = 0; row < unseen.batchSize(); row++) {
      try (InferenceState state = model.newState()) {
        state.prefill(Arrays.copyOfRange(inputs, row * length, (row + 1) * length));
        float zero = state.logits().getAtIndex(ValueLayout.JAVA_FLOAT, 0);
        float one = state.logits().getAtIndex(ValueLayout.JAVA_FLOAT, 1);
        right += (one > zero ? 1 : 0) == targets[(row + 1) * length - 1] ? 1 : 0;
      }
    }
    return (double) right / unseen.batchSize();
  }
}
