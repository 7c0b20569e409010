package io.github.mamba4j.bench;

import java.util.concurrent.TimeUnit;
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
 * One optimiser step of a small model: forward, backward, clipping and AdamW at dModel 256, 6
 * layers, vocabulary 8192, on a batch of 8 sequences of 256 tokens.
 *
 * <p>One operation is one step. {@code tokens} are tokens a second, {@code flops} the usual
 * estimate of 6 operations a parameter and token, {@code reservedBytesPerToken} the memory outside
 * the heap for activations, their gradients, the moments and scratch, divided by the 2048 tokens of
 * a batch.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar TrainingStepBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 10)
@Measurement(iterations = 5, time = 10)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class TrainingStepBenchmark {
  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  private TrainingRun run;
  private long index;

  /** Makes the model and checks that its loss starts where it must and falls. */
  @Setup
  public void prepare() {
    run = new TrainingRun(threads);
    run.firstLosses();
  }

  /** Frees the model. */
  @TearDown
  public void free() {
    run.close();
  }

  /**
   * Trains on the next batch.
   *
   * @param tokens counts the tokens
   * @param flops counts the operations
   * @param memory receives what is held
   * @return the loss
   */
  @Benchmark
  public double step(TokenCounter tokens, FlopCounter flops, MemoryCounter memory) {
    tokens.tokens += TrainingRun.TOKENS;
    flops.flops += run.flops();
    memory.reservedBytesPerToken = (double) run.reservedBytes() / TrainingRun.TOKENS;
    return run.train(++index);
  }
}
