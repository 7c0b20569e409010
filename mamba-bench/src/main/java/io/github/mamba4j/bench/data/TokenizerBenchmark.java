package io.github.mamba4j.bench.data;

import io.github.mamba4j.data.tokenizer.BpeTokenizer;
import io.github.mamba4j.data.tokenizer.BpeTrainer;
import io.github.mamba4j.data.tokenizer.ParallelEncoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Byte-level BPE: training, and encoding on one thread, in bytes of UTF-8 a second (column {@code
 * bytes}).
 *
 * <p>Run with {@code java -jar mamba-bench/target/benchmarks.jar TokenizerBenchmark -p
 * file=train.txt}; without a file the text is made up of 50,000 words with Zipf's distribution.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(3)
public class TokenizerBenchmark {

  /** The text to train on and to encode, or nothing for made-up text. */
  @Param("")
  public String file = "";

  /** The size of the vocabulary. */
  @Param("4096")
  public int vocabSize;

  private String text = "";
  private long textBytes;
  private BpeTokenizer tokenizer;
  private ParallelEncoder parallel;
  private int[] ids = {};

  /** Counts the bytes that went through. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Throughput {

    /** Bytes of UTF-8. */
    public long bytes;
  }

  /**
   * Reads or makes the text, trains the tokenizer and checks that it round-trips.
   *
   * @throws IOException if the file cannot be read
   */
  @Setup
  public void train() throws IOException {
    text = file.isEmpty() ? madeUpText() : Files.readString(Path.of(file));
    textBytes = text.getBytes(StandardCharsets.UTF_8).length;
    tokenizer = trainTokenizer();
    ids = tokenizer.encode(text);
    parallel = new ParallelEncoder(tokenizer, Runtime.getRuntime().availableProcessors());
    if (!Arrays.equals(parallel.encode(text), ids)) {
      throw new IllegalStateException("TokenizerBenchmark: the number of threads changes the ids");
    }
    if (!tokenizer.decode(ids).equals(text)) {
      throw new IllegalStateException("TokenizerBenchmark: the text does not round-trip");
    }
  }

  /** Ends the threads. */
  @TearDown
  public void endThreads() {
    if (parallel != null) {
      parallel.close();
    }
  }

  private static String madeUpText() {
    Random random = new Random(1);
    String[] words = new String[50_000];
    for (int i = 0; i < words.length; i++) {
      StringBuilder word = new StringBuilder();
      int letters = 1 + (int) (2 * Math.log(2 + i) * (0.3 + 0.4 * random.nextDouble()));
      for (int k = 0; k < letters; k++) {
        word.append(
            "etaoinshrdlucmfwypvbgkjqxz".charAt((int) (26 * Math.pow(random.nextDouble(), 2))));
      }
      words[i] = word.toString();
    }
    StringBuilder text = new StringBuilder();
    while (text.length() < 10_000_000) {
      int rank = (int) Math.pow(words.length, random.nextDouble()) - 1;
      text.append(words[rank]).append(random.nextInt(12) == 0 ? ".\n" : " ");
    }
    return text.toString();
  }

  private BpeTokenizer trainTokenizer() throws IOException {
    return BpeTrainer.builder().vocabSize(vocabSize).build().train(List.of(text)::forEach);
  }

  /**
   * Trains a tokenizer, in a thread for each processor.
   *
   * @param throughput counts the bytes
   * @return the tokenizer
   * @throws IOException never
   */
  @Benchmark
  public BpeTokenizer train(Throughput throughput) throws IOException {
    throughput.bytes += textBytes;
    return trainTokenizer();
  }

  /**
   * Encodes the whole text on one thread.
   *
   * @param throughput counts the bytes
   * @return the token ids
   */
  @Benchmark
  public int[] encode(Throughput throughput) {
    throughput.bytes += textBytes;
    return tokenizer.encode(text);
  }

  /**
   * Encodes the whole text in a thread for each processor.
   *
   * @param throughput counts the bytes
   * @return the token ids
   */
  @Benchmark
  public int[] encodeParallel(Throughput throughput) {
    throughput.bytes += textBytes;
    return parallel.encode(text);
  }

  /**
   * Decodes the tokens of the whole text.
   *
   * @param throughput counts the bytes
   * @return the text
   */
  @Benchmark
  public String decode(Throughput throughput) {
    throughput.bytes += textBytes;
    return tokenizer.decode(ids);
  }
}
