package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.BatchSource;
import io.github.mamba4j.train.Trainer;
import java.io.IOException;

/**
 * Trains on sequences that are longer than memory allows at once: in pieces with a carried state.
 */
public final class TrainLongSequence {
  private static final int VOCAB = 16;
  private static final int PIECE = 128;

  private TrainLongSequence() {}

  /**
   * Trains and says how well.
   *
   * @param args nothing
   * @throws IOException never, because no checkpoints are written
   */
  public static void main(String[] args) throws IOException {
    IO.println("loss " + train(1 << 14, 40));
  }

  static double train(int length, int steps) throws IOException {
    try (MambaModel model = MambaModel.builder().dModel(16).nLayers(1).vocabSize(VOCAB).build();
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(new Squares(length))
                .truncatedBackpropagation(PIECE)
                .optimizer(AdamW.of(2e-2))
                .maxSteps(steps)
                .build()) {
      return trainer.fit().finalLoss();
    }
  }

  /** One sequence a batch, {@code 0 1 4 9 0 9 4 1 0 …}: the squares modulo 16. */
  private record Squares(int length) implements BatchSource {
    @Override
    public int batchSize() {
      return 1;
    }

    @Override
    public long stepsPerEpoch() {
      return Integer.MAX_VALUE;
    }

    @Override
    public void read(long epoch, long step, int[] inputs, int[] targets) {
      for (int i = 0; i < length; i++) {
        inputs[i] = square(i % VOCAB);
        targets[i] = square((i + 1) % VOCAB);
      }
    }

    private static int square(int root) {
      return root * root % VOCAB;
    }

    @Override
    public String fingerprint() {
      return "0".repeat(64);
    }
  }
}
