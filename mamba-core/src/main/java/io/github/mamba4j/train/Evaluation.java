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
   * Returns the perplexity a unit of text that does not depend on the tokenizer: a byte, a word.
   *
   * @param units how many of them the text behind all targets has, positive
   * @return e to the loss of all targets together, divided by the units
   * @throws IllegalArgumentException if units is not positive
   */
  public double perplexityPer(long units) {
    return Math.exp(lossPer(units));
  }

  /**
   * Returns the loss in bits a unit of text, see {@link #perplexityPer}; with bytes this is the
   * size that an ideal coder would compress the text to.
   *
   * @param units how many of them the text behind all targets has, positive
   * @return bits a unit
   * @throws IllegalArgumentException if units is not positive
   */
  public double bitsPer(long units) {
    return lossPer(units) / Math.log(2);
  }

  private double lossPer(long units) {
    if (units <= 0) {
      throw new IllegalArgumentException("Evaluation: units must be positive, got " + units);
    }
    return loss * targets / units;
  }
}
