package io.github.mamba4j.train;

/**
 * How well a model predicts.
 *
 * @param loss mean loss a target in nats
 * @param accuracy share of the targets that were the most probable token, in [0, 1]
 * @param targets number of targets that were counted, positive
 */
public record Evaluation(double loss, double accuracy, long targets) {
  /**
   * Returns the perplexity a token.
   *
   * @return {@code e^loss}, infinity where that overflows
   */
  public double perplexity() {
    return Math.exp(loss);
  }

  /**
   * Returns the loss in a unit that does not depend on the tokenizer.
   *
   * @param bytesPerToken mean number of UTF-8 bytes that a token of the data stands for, positive
   * @return bits a byte
   */
  public double bitsPerByte(double bytesPerToken) {
    return loss / Math.log(2) / bytesPerToken;
  }
}
