package io.github.mamba4j.bench;

import io.github.mamba4j.train.BatchSource;
import java.util.Locale;

/**
 * Batches of pseudo-random tokens: what they say does not matter for the speed.
 *
 * @param batchSize sequences of a batch
 * @param length tokens of a sequence
 * @param vocab number of different tokens
 */
public record SyntheticBatches(int batchSize, int length, int vocab) implements BatchSource {
  private static final long STEPS = 1L << 32;
  private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

  @Override
  public long stepsPerEpoch() {
    return STEPS;
  }

  @Override
  public void read(long epoch, long step, int[] inputs, int[] targets) {
    for (int row = 0; row < batchSize; row++) {
      long document = (epoch * STEPS + step) * batchSize + row;
      for (int t = 0; t < length; t++) {
        inputs[row * length + t] = token(document, t);
        targets[row * length + t] = token(document, t + 1);
      }
    }
  }

  private int token(long document, int t) {
    // The output function of SplitMix64 (Steele, Lea and Flood 2014).
    long z = (document * (length + 1) + t + 1) * GOLDEN_GAMMA;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return (int) Long.remainderUnsigned(z ^ z >>> 31, vocab);
  }

  @Override
  public String fingerprint() {
    return String.format(Locale.ROOT, "%064x", batchSize * 31L + length);
  }
}
