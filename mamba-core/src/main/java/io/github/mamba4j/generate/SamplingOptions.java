package io.github.mamba4j.generate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * How tokens are chosen and when generation stops. Immutable.
 *
 * <p>The builder's defaults draw from the model's own distribution: temperature 1, every filter
 * off. The reference implementation's default, the most likely token, is {@link #greedy()} or
 * {@code builder().greedy()}; a {@code topK} of 1 is the same thing.
 *
 * <p>The settings work in the order that {@link Sampler} documents.
 */
public final class SamplingOptions {

  /** The default of {@link Builder#maxNewTokens}. */
  public static final int DEFAULT_MAX_NEW_TOKENS = 128;

  private final double temperature;
  private final int topK;
  private final double topP;
  private final double minP;
  private final double repetitionPenalty;
  private final long seed;
  private final int maxNewTokens;
  private final Set<Integer> stopTokens;
  private final List<String> stopStrings;

  private SamplingOptions(Builder builder) {
    this.temperature = builder.temperature;
    this.topK = builder.topK;
    this.topP = builder.topP;
    this.minP = builder.minP;
    this.repetitionPenalty = builder.repetitionPenalty;
    this.seed = builder.seed;
    this.maxNewTokens = builder.maxNewTokens;
    this.stopTokens = Collections.unmodifiableSet(new TreeSet<>(builder.stopTokens));
    this.stopStrings = List.copyOf(builder.stopStrings);
  }

  /**
   * Options that always choose the most likely token.
   *
   * @return greedy options, everything else as the builder's defaults
   */
  public static SamplingOptions greedy() {
    return builder().greedy().build();
  }

  /**
   * Starts with the defaults.
   *
   * @return a new builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Whether the most likely token is chosen without drawing.
   *
   * @return true if {@code topK} is 1
   */
  public boolean isGreedy() {
    return topK == 1;
  }

  /**
   * What logits are divided by.
   *
   * @return a positive number
   */
  public double temperature() {
    return temperature;
  }

  /**
   * How many of the most likely tokens may be drawn.
   *
   * @return a positive number, or 0 for all
   */
  public int topK() {
    return topK;
  }

  /**
   * The probability mass that the most likely tokens must reach together.
   *
   * @return a number in (0, 1]; 1 is off
   */
  public double topP() {
    return topP;
  }

  /**
   * The smallest probability relative to that of the most likely token.
   *
   * @return a number in [0, 1]; 0 is off
   */
  public double minP() {
    return minP;
  }

  /**
   * How strongly tokens that occurred before are made less likely.
   *
   * @return a positive number; 1 is off
   */
  public double repetitionPenalty() {
    return repetitionPenalty;
  }

  /**
   * What all draws follow from.
   *
   * @return any number
   */
  public long seed() {
    return seed;
  }

  /**
   * How many tokens are generated at most.
   *
   * @return a positive number, the prompt not counted
   */
  public int maxNewTokens() {
    return maxNewTokens;
  }

  /**
   * The token ids that end generation.
   *
   * @return an unmodifiable set
   */
  public Set<Integer> stopTokens() {
    return stopTokens;
  }

  /**
   * The texts that end generation.
   *
   * @return an unmodifiable list without duplicates
   */
  public List<String> stopStrings() {
    return stopStrings;
  }

  /**
   * The same options with another seed, as each of several continuations of one prompt needs.
   *
   * @param newSeed any number
   * @return a copy
   */
  public SamplingOptions withSeed(long newSeed) {
    Builder copy = new Builder();
    copy.temperature = temperature;
    copy.topK = topK;
    copy.topP = topP;
    copy.minP = minP;
    copy.repetitionPenalty = repetitionPenalty;
    copy.seed = newSeed;
    copy.maxNewTokens = maxNewTokens;
    copy.stopTokens.addAll(stopTokens);
    copy.stopStrings.addAll(stopStrings);
    return new SamplingOptions(copy);
  }

  /**
   * Names all settings.
   *
   * @return one line
   */
  @Override
  public String toString() {
    String choice =
        isGreedy()
            ? "greedy"
            : String.format(
                Locale.ROOT,
                "temperature=%s, topK=%d, topP=%s, minP=%s, seed=%d",
                temperature,
                topK,
                topP,
                minP,
                seed);
    return String.format(
        Locale.ROOT,
        "SamplingOptions[%s, repetitionPenalty=%s, maxNewTokens=%d, stopTokens=%s, stopStrings=%d]",
        choice,
        repetitionPenalty,
        maxNewTokens,
        stopTokens,
        stopStrings.size());
  }

  /**
   * Collects options. Every setter checks at once; each may be called once, except for those that
   * add stop tokens and stop strings.
   */
  public static final class Builder {

    private double temperature = 1.0;
    private int topK;
    private double topP = 1.0;
    private double minP;
    private double repetitionPenalty = 1.0;
    private long seed;
    private int maxNewTokens = DEFAULT_MAX_NEW_TOKENS;
    private final Set<Integer> stopTokens = new HashSet<>();
    private final Set<String> stopStrings = new LinkedHashSet<>();
    private final List<String> alreadySet = new ArrayList<>();

    private Builder() {}

    /**
     * Chooses the most likely token every time; ties go to the lowest id.
     *
     * @return this builder
     * @throws IllegalStateException if called twice, or together with a setting that only matters
     *     for drawing
     */
    public Builder greedy() {
      setOnce("greedy");
      for (String drawing : List.of("temperature", "topK", "topP", "minP")) {
        requireFree("greedy", drawing);
      }
      topK = 1;
      return this;
    }

    /**
     * Divides the logits: below 1 sharpens the distribution, above 1 flattens it. Default 1.
     *
     * @param value a positive finite number
     * @return this builder
     * @throws IllegalArgumentException if the value is out of range
     * @throws IllegalStateException if set before, or greedy
     */
    public Builder temperature(double value) {
      setDrawing("temperature");
      check(
          value > 0 && value < Double.POSITIVE_INFINITY,
          "temperature must be positive and finite (greedy() always takes the most likely token)",
          value);
      temperature = value;
      return this;
    }

    /**
     * Keeps only the most likely tokens. Default 0, which keeps all.
     *
     * @param value how many, not negative
     * @return this builder
     * @throws IllegalArgumentException if the value is negative
     * @throws IllegalStateException if set before, or greedy
     */
    public Builder topK(int value) {
      setDrawing("topK");
      check(value >= 0, "topK must not be negative (0 is off)", value);
      topK = value;
      return this;
    }

    /**
     * Keeps the smallest set of most likely tokens whose probabilities reach this sum. Default 1,
     * which keeps all.
     *
     * @param value a number in (0, 1]
     * @return this builder
     * @throws IllegalArgumentException if the value is out of range
     * @throws IllegalStateException if set before, or greedy
     */
    public Builder topP(double value) {
      setDrawing("topP");
      check(value > 0 && value <= 1, "topP must be in (0, 1] (1 is off)", value);
      topP = value;
      return this;
    }

    /**
     * Keeps tokens at least this fraction as likely as the most likely one. Default 0, which keeps
     * all.
     *
     * @param value a number in [0, 1]
     * @return this builder
     * @throws IllegalArgumentException if the value is out of range
     * @throws IllegalStateException if set before, or greedy
     */
    public Builder minP(double value) {
      setDrawing("minP");
      check(value >= 0 && value <= 1, "minP must be in [0, 1] (0 is off)", value);
      minP = value;
      return this;
    }

    /**
     * Makes every token that occurred before, in the prompt too, less likely: a positive logit is
     * divided by the penalty, a negative one multiplied. Default 1, which changes nothing. Applies
     * to greedy choice too.
     *
     * @param value a positive finite number; below 1 favours repetition
     * @return this builder
     * @throws IllegalArgumentException if the value is out of range
     * @throws IllegalStateException if set before
     */
    public Builder repetitionPenalty(double value) {
      setOnce("repetitionPenalty");
      check(
          value > 0 && value < Double.POSITIVE_INFINITY,
          "repetitionPenalty must be positive and finite (1 is off)",
          value);
      repetitionPenalty = value;
      return this;
    }

    /**
     * Fixes all draws: equal options, model and prompt give equal tokens. Default 0.
     *
     * @param value any number
     * @return this builder
     * @throws IllegalStateException if set before
     */
    public Builder seed(long value) {
      setOnce("seed");
      seed = value;
      return this;
    }

    /**
     * Limits the number of generated tokens. Default {@value #DEFAULT_MAX_NEW_TOKENS}.
     *
     * @param value a positive number, the prompt not counted
     * @return this builder
     * @throws IllegalArgumentException if the value is not positive
     * @throws IllegalStateException if set before
     */
    public Builder maxNewTokens(int value) {
      setOnce("maxNewTokens");
      check(value > 0, "maxNewTokens must be positive", value);
      maxNewTokens = value;
      return this;
    }

    /**
     * Adds token ids that end generation.
     *
     * @param tokenIds ids, not negative
     * @return this builder
     * @throws IllegalArgumentException if an id is negative
     */
    public Builder stopTokens(int... tokenIds) {
      for (int tokenId : tokenIds) {
        check(tokenId >= 0, "a stop token must not be negative", tokenId);
        stopTokens.add(tokenId);
      }
      return this;
    }

    /**
     * Adds texts that end generation; they are not part of the generated text.
     *
     * @param texts the texts, not empty
     * @return this builder
     * @throws IllegalArgumentException if a text is empty
     */
    public Builder stopStrings(String... texts) {
      return stopStrings(List.of(texts));
    }

    /**
     * Adds texts that end generation; they are not part of the generated text.
     *
     * @param texts the texts, not empty
     * @return this builder
     * @throws IllegalArgumentException if a text is empty
     */
    public Builder stopStrings(Collection<String> texts) {
      for (String text : texts) {
        check(!text.isEmpty(), "a stop string must not be empty", "\"\"");
        stopStrings.add(text);
      }
      return this;
    }

    /**
     * Makes the options.
     *
     * @return immutable options
     */
    public SamplingOptions build() {
      return new SamplingOptions(this);
    }

    private void setDrawing(String name) {
      setOnce(name);
      requireFree(name, "greedy");
    }

    private void setOnce(String name) {
      if (alreadySet.contains(name)) {
        throw new IllegalStateException("SamplingOptions: " + name + " is set twice");
      }
      alreadySet.add(name);
    }

    private void requireFree(String name, String contrary) {
      if (alreadySet.contains(contrary)) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT,
                "SamplingOptions: %s contradicts %s, which is already set; greedy choice draws"
                    + " nothing",
                name,
                contrary));
      }
    }

    private static void check(boolean holds, String rule, Object value) {
      if (!holds) {
        throw new IllegalArgumentException("SamplingOptions: " + rule + ", got " + value);
      }
    }
  }
}
