package io.github.mamba4j.examples.quickstart;

import io.github.mamba4j.data.tokenizer.ByteTokenizer;
import io.github.mamba4j.generate.BatchGenerator;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.model.MambaModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Answers many requests at once on one model, each on a virtual thread of its own. Their sequences
 * are decoded together, and each gets the text that it would get alone.
 */
public final class ServeManySessions {
  private ServeManySessions() {}

  /**
   * Prints how many answers there were, and the first of them.
   *
   * @param args not used
   * @throws ExecutionException if an answer fails
   * @throws InterruptedException if the program is interrupted
   */
  public static void main(String[] args) throws ExecutionException, InterruptedException {
    List<String> answers = run(50);
    IO.println(answers.size() + " answers, the first one: " + answers.getFirst());
  }

  static List<String> run(int requests) throws ExecutionException, InterruptedException {
    ByteTokenizer tokenizer = new ByteTokenizer();
    List<Future<String>> running = new ArrayList<>();
    List<String> answers = new ArrayList<>();

    // The weights are random here; 16 sequences at a time, the others wait their turn.
    try (MambaModel model = MambaModel.builder().dModel(32).nLayers(2).vocabSize(257).build();
        BatchGenerator generator = BatchGenerator.open(model, tokenizer, 16);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < requests; i++) {
        int[] prompt = tokenizer.encode("Request number " + i + ": ");
        SamplingOptions options = SamplingOptions.builder().seed(i).maxNewTokens(20).build();
        running.add(threads.submit(() -> generator.generate(prompt, options).text()));
      }
      for (Future<String> answer : running) {
        answers.add(answer.get());
      }
    }
    return answers;
  }
}
