package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenStream;
import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Continues a text and shows each piece as soon as it is made. */
public final class StreamText {
  private StreamText() {}

  /**
   * Streams text to standard output.
   *
   * @param args a model's folder and a prompt, or nothing for a model that is trained first
   * @throws IOException if the model cannot be read
   */
  public static void main(String[] args) throws IOException {
    Path folder;
    if (args.length > 0) {
      folder = Path.of(args[0]);
    } else {
      folder = Files.createTempDirectory("mamba-quickstart");
      TrainCharacterModel.train(folder, 150);
    }
    stream(folder, args.length > 1 ? args[1] : "The quick ", IO::print);
    IO.println();
  }

  static void stream(Path folder, String prompt, Consumer<String> sink) throws IOException {
    Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.json"));
    SamplingOptions options =
        SamplingOptions.builder().temperature(0.7).topP(0.95).seed(1).maxNewTokens(80).build();
    sink.accept(prompt);
    try (MambaModel model = MambaModel.load(folder);
        TokenStream tokens =
            Generator.of(model, tokenizer).stream(tokenizer.encode(prompt), options)) {
      // A token is computed when it is asked for: to stop early, leave the loop.
      while (tokens.hasNext()) {
        sink.accept(tokens.next().text());
      }
    }
  }
}
