package io.github.mamba4j.examples.lm;

import io.github.mamba4j.generate.SamplingOptions;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How the next token is chosen. */
final class SamplingMixin {
  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      defaultValue = "200",
      description = "Tokens to make at most (default: ${DEFAULT-VALUE}).")
  private int maxNewTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "1.0",
      description = {
        "Below 1 more certain, above 1 more varied; 0 always takes the most probable token",
        "(default: ${DEFAULT-VALUE})."
      })
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Draw from the K most probable tokens; 0 is off (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1.0",
      description = {
        "Draw from the fewest tokens whose probabilities sum to P; 1 is off",
        "(default: ${DEFAULT-VALUE})."
      })
  private double topP;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      defaultValue = "0.0",
      description = {
        "Drop tokens less probable than P times the most probable one; 0 is off",
        "(default: ${DEFAULT-VALUE})."
      })
  private double minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      defaultValue = "1.0",
      description = "Above 1 avoids tokens that occurred; 1 is off (default: ${DEFAULT-VALUE}).")
  private double repetitionPenalty;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Equal seeds give equal text (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "End before this text; may be given several times.")
  private List<String> stop = new ArrayList<>();

  /**
   * Returns the options.
   *
   * @param endOfText the token that ends a text, or -1
   */
  SamplingOptions options(int endOfText) {
    return BadInputException.refused(() -> {
      SamplingOptions.Builder builder =
          SamplingOptions.builder()
              .maxNewTokens(maxNewTokens)
              .repetitionPenalty(repetitionPenalty)
              .seed(seed)
              .stopStrings(stop);
      if (endOfText >= 0) {
        builder.stopTokens(endOfText);
      }
      if (temperature == 0) {
        builder.greedy();
      } else {
        builder.temperature(temperature).topK(topK).topP(topP).minP(minP);
      }
      return builder.build();
    });
  }
}
