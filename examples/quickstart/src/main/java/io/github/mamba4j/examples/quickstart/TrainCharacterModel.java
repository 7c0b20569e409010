package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.data.corpus.Corpus;
import io.github.mamba4j.data.tokenizer.CharTokenizer;
import io.github.mamba4j.data.tokens.CorpusEncoder;
import io.github.mamba4j.data.tokens.TokenFile;
import io.github.mamba4j.data.tokens.TokenWindows;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Trains a small model on a text, character by character, and saves it with its tokenizer. */
public final class TrainCharacterModel {
  private static final String TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(40);

  private TrainCharacterModel() {}

  /**
   * Trains and says where the model is.
   *
   * @param args a folder to write to, or nothing for a temporary one
   * @throws IOException if it cannot be written
   */
  public static void main(String[] args) throws IOException {
    Path folder =
        args.length > 0 ? Path.of(args[0]) : Files.createTempDirectory("mamba-quickstart");
    IO.println("loss " + train(folder, 150) + ", saved in " + folder);
  }

  static double train(Path folder, int steps) throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), TEXT);
    Corpus corpus = Corpus.builder(text).build();
    CharTokenizer tokenizer =
        CharTokenizer.train(
            sink -> corpus.forEach(document -> sink.accept(document.text())), 256, 1);
    Path encoded = folder.resolve("text.tokens");
    CorpusEncoder.builder(tokenizer).build().encode(corpus, encoded);

    try (TokenFile tokens = TokenFile.open(encoded);
        MambaModel model =
            MambaModel.builder().dModel(32).nLayers(2).vocabSize(tokenizer.vocabSize()).build();
        Trainer trainer =
            Trainer.builder()
                .model(model)
                .data(TokenWindows.builder(tokens).batchSize(4).length(32).build())
                .optimizer(AdamW.of(1e-2))
                .epochs(steps)
                .maxSteps(steps)
                .logEverySteps(25)
                .build()) {
      double loss = trainer.fit().finalLoss();
      model.save(folder);
      tokenizer.save(folder.resolve("tokenizer.json"));
      return loss;
    }
  }
}
