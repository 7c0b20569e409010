package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.data.tokenizer.ByteTokenizer;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads a long text once, saves what the model remembers of it, and continues it in several ways.
 * The state has the same small size after ten tokens and after ten million.
 */
public final class SaveAndForkState {
  private SaveAndForkState() {}

  /**
   * Prints three continuations; the first and the last are equal.
   *
   * @param args not used
   * @throws IOException if the state cannot be saved
   */
  public static void main(String[] args) throws IOException {
    Path file = Files.createTempDirectory("mamba-quickstart").resolve("state.safetensors");
    run(file).forEach(text -> IO.println("--- " + text));
    IO.println(Files.size(file) + " bytes of state");
  }

  static List<String> run(Path file) throws IOException {
    ByteTokenizer tokenizer = new ByteTokenizer();
    int[] text = tokenizer.encode("Once upon a time there was a model. ".repeat(20));
    int[] next = tokenizer.encode("And then");
    SamplingOptions first = SamplingOptions.builder().seed(1).maxNewTokens(24).build();

    // The weights are random here: what counts is what happens to the state.
    try (MambaModel model = MambaModel.builder().dModel(32).nLayers(2).vocabSize(257).build();
        InferenceState state = model.newState()) {
      Generator generator = Generator.of(model, tokenizer);
      state.prefill(text);
      state.save(file);
      try (InferenceState fork = state.fork();
          InferenceState loaded = InferenceState.load(model, file)) {
        return List.of(
            generator.generate(state, next, first).text(),
            generator.generate(fork, next, first.withSeed(2)).text(),
            generator.generate(loaded, next, first).text());
      }
    }
  }
}
