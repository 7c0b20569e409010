package io.github.mamba4j.bench.peers;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import io.github.mamba4j.bench.PublishedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * llama.cpp through the Java classes of {@code de.kherud:llama}, greedy: text in, text out, so its
 * times have tokenization, sampling and the hand-over between threads in them.
 */
final class LlamaJava implements Contestant {
  private final Setting setting;
  private final LlamaLibrary library;

  LlamaJava(Setting setting) {
    this.setting = setting;
    try {
      library = LlamaLibrary.open(setting.files());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Map<String, Object> describe() {
    return Map.of("version", library.describe());
  }

  @Override
  public Trial prepare(String name) {
    ModelCell cell = ModelCell.parse(name);
    if (cell.model() == PublishedModel.MAMBA2_130M) {
      // Its classes end the process when the library does not know the kind of model.
      throw new UnsupportedOperationException("as llama.cpp, whose library it is");
    }
    return new Running(cell, cell.file(setting.files()), setting.threads());
  }

  @Override
  public void close() {}

  private static final class Running extends ModelTrial {
    private static final int CONTEXT_TOKENS = 1024;
    private static final int LETTERS = 26;

    private final LlamaModel model;

    /** Loads a file. {@link LlamaLibrary#open} says where the native library is. */
    Running(ModelCell cell, Path file, int threads) {
      super(cell);
      model =
          new LlamaModel(
              new ModelParameters()
                  .setModel(file.toString())
                  .setCtxSize(CONTEXT_TOKENS)
                  .setThreads(threads)
                  .setThreadsBatch(threads)
                  .skipWarmup()
                  .disableLog());
    }

    /** Returns a text of as many tokens as letters: the files' tokenizer has no merges. */
    private static String letters(int count) {
      SplittableRandom random = new SplittableRandom(1);
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        text.append((char) ('a' + random.nextInt(LETTERS)));
      }
      return text.toString();
    }

    private InferenceParameters parameters(int prompt, int tokens) {
      String text = letters(prompt);
      int length = model.encode(text).length;
      if (length != prompt) {
        throw new IllegalStateException(
            "LlamaJava: the prompt has " + length + " tokens, expected " + prompt);
      }
      return new InferenceParameters(text)
          .setNPredict(tokens)
          .setTemperature(0)
          .setTopK(1)
          .setIgnoreEos(true)
          .setCachePrompt(false);
    }

    /** Generates; the token that the prompt gives is not among the timed ones. */
    @Override
    double decodeSeconds(int steps) {
      return seconds(parameters(ModelCell.SHORT_PROMPT, steps + 1), steps + 1)
          - seconds(parameters(ModelCell.SHORT_PROMPT, 1), 1);
    }

    /** Returns nothing: there is only text. */
    @Override
    float[] logits(int[] prompt, int[] steps) {
      return new float[0];
    }

    @Override
    double prefillSeconds(int length) {
      return seconds(parameters(length, 1), 1);
    }

    private double seconds(InferenceParameters parameters, int tokens) {
      int outputs = 0;
      long start = System.nanoTime();
      for (LlamaOutput output : model.generate(parameters)) {
        outputs += output.text.isEmpty() ? 0 : 1;
      }
      double seconds = (System.nanoTime() - start) * 1e-9;
      if (outputs > tokens) {
        throw new IllegalStateException(
            "LlamaJava: " + outputs + " pieces of text, expected at most " + tokens);
      }
      return seconds;
    }

    /** Does nothing: the class's own close does not return. The process ends with the model. */
    @Override
    public void close() {}
  }
}
