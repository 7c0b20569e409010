package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenStream;
import io.github.mamba4j.model.MambaModel;

/** Stops generations that would go on for long: from another thread, and as a subscriber. */
public final class StreamWithCancel {
  private static final int[] PROMPT = {79, 110, 99, 101};

  private StreamWithCancel() {}

  /**
   * Prints after how many tokens each of two generations was stopped.
   *
   * @param args not used
   */
  public static void main(String[] args) {
    SamplingOptions options = SamplingOptions.builder().seed(1).maxNewTokens(1_000_000).build();
    // The weights are random here: what counts is that it stops.
    try (MambaModel model = MambaModel.builder().dModel(32).nLayers(2).vocabSize(256).build()) {
      Generator generator = Generator.of(model);
      try (TokenStream tokens = generator.stream(PROMPT, options)) {
        IO.println("stopped by another thread after " + readUntilStopped(tokens) + " tokens");
      }
      FirstTokens reader = new FirstTokens(12);
      generator.publish(PROMPT, options).subscribe(reader);
      IO.println("stopped by its subscriber after " + reader.end.join() + " tokens");
    }
  }

  static int readUntilStopped(TokenStream tokens) {
    int count = 0;
    for (; tokens.hasNext(); count++) {
      tokens.next();
      if (count == 0) {
        // Any thread may cancel: a user's "stop" button, a request's end, a time limit.
        Thread.startVirtualThread(tokens::cancel);
      }
    }
    return count;
  }
}
