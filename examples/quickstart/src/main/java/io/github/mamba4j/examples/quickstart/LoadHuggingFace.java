package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.checkpoint.CheckpointFile;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.data.tokenizer.BpeTokenizer;
import io.github.mamba4j.data.tokenizer.GgufTokenizers;
import io.github.mamba4j.data.tokenizer.Tokenizer;
import io.github.mamba4j.generate.Generator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.model.MambaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads a downloaded model, whatever its layout, and continues a prompt. */
public final class LoadHuggingFace {
  private LoadHuggingFace() {}

  /**
   * Prints a summary of the model and a continuation.
   *
   * @param args a model's folder (Hugging Face's or state-spaces' layout, with {@code
   *     tokenizer.json}) or GGUF file, and a prompt; or nothing for a model that is trained first
   * @throws IOException if the model cannot be read
   */
  public static void main(String[] args) throws IOException {
    Path path;
    if (args.length > 0) {
      path = Path.of(args[0]);
    } else {
      path = Files.createTempDirectory("mamba-quickstart");
      TrainCharacterModel.train(path, 150);
    }
    IO.println(run(path, args.length > 1 ? args[1] : "The quick "));
  }

  static String run(Path path, String prompt) throws IOException {
    Tokenizer tokenizer = tokenizer(path);
    SamplingOptions options = SamplingOptions.builder().greedy().maxNewTokens(40).build();
    try (MambaModel model = MambaModel.load(path)) {
      Generator generator = Generator.of(model, tokenizer);
      String text = generator.generate(tokenizer.encode(prompt), options).text();
      return model.summary() + "\n" + prompt + text;
    }
  }

  private static Tokenizer tokenizer(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return Tokenizer.load(path.resolve("tokenizer.json"));
    }
    try (CheckpointFile file = CheckpointFile.open(path)) {
      return BpeTokenizer.fromGguf(GgufTokenizers.read((GgufFile) file).orElseThrow());
    }
  }
}
