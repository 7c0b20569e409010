package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.tensor.CrossEntropyOp;
import io.github.mamba4j.train.BatchSource;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Endless labelled sequences: noise of the tokens 2 to 7 with one token 0 or 1 somewhere, which is
 * the class. Only the last position has a target.
 */
final class MarkedSequences implements BatchSource {
  static final int TOKENS = 8;
  private static final int LENGTH = 16;

  private final int batchSize;
  private final long seed;

  MarkedSequences(int batchSize, long seed) {
    this.batchSize = batchSize;
    this.seed = seed;
  }

  @Override
  public int batchSize() {
    return batchSize;
  }

  @Override
  public int length() {
    return LENGTH;
  }

  @Override
  public long stepsPerEpoch() {
    return Long.MAX_VALUE;
  }

  @Override
  public void read(long epoch, long step, int[] inputs, int[] targets) {
    SplittableRandom random = new SplittableRandom(seed * 1_000_003 + step);
    Arrays.fill(targets, CrossEntropyOp.IGNORE);
    for (int row = 0; row < batchSize; row++) {
      for (int i = 0; i < LENGTH; i++) {
        inputs[row * LENGTH + i] = random.nextInt(2, TOKENS);
      }
      int label = random.nextInt(2);
      inputs[row * LENGTH + random.nextInt(LENGTH)] = label;
      targets[row * LENGTH + LENGTH - 1] = label;
    }
  }

  @Override
  public String fingerprint() {
    return String.format(Locale.ROOT, "%064x", seed);
  }
}
