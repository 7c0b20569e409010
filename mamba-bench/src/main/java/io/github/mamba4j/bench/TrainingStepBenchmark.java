package io.github.mamba4j.bench;

import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.train.AdamW;
import io.github.mamba4j.train.TrainingStep;
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
  private static final int BATCH = 8;
  private static final int LENGTH = 256;
  private static final int VOCAB = 8192;
  private static final double LEARNING_RATE = 1e-4;
  private static final int MEMORISING_STEPS = 4;
  private static final int FLOPS_PER_PARAMETER = 6;
  private static final int WARM_UP_STEPS = 3000;

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  private final SyntheticBatches data = new SyntheticBatches(BATCH, LENGTH, VOCAB);
  private MambaModel model;
  private TrainingStep step;
  private long flopsOfStep;
  private long index;

  /** Makes the model and checks that its loss starts where it must and falls. */
  @Setup
  public void prepare() {
    warmUp();
    model =
        MambaModel.builder()
            .dModel(256)
            .nLayers(6)
            .vocabSize(VOCAB)
            .seed(1)
            .threads(threads)
            .build();
    step = TrainingStep.open(model, data, AdamW.of(LEARNING_RATE), 1.0, 1);
    flopsOfStep = FLOPS_PER_PARAMETER * model.parameterCount() * step.tokens();
    double first = train(0);
    if (Math.abs(first - Math.log(VOCAB)) > 1) {
      throw new IllegalStateException(
          "TrainingStepBenchmark: the first loss is " + first + ", expected ln " + VOCAB + " ± 1");
    }
    double last = first;
    for (int i = 0; i < MEMORISING_STEPS; i++) {
      last = train(0);
    }
    if (!(last < first)) {
      throw new IllegalStateException(
          "TrainingStepBenchmark: the loss went from " + first + " to " + last + " on one batch");
    }
  }

  /**
   * Brings the kernels to the state that they have in a long run, by many steps of a small model.
   * Some of their methods are called once a layer; in steps of a second each those would be
   * interpreted, with vectors on the heap, for the whole of JMH's own warm-up.
   */
  private void warmUp() {
    SyntheticBatches small = new SyntheticBatches(2, 80, 300);
    try (MambaModel other =
            MambaModel.builder().dModel(40).nLayers(2).vocabSize(300).threads(threads).build();
        TrainingStep steps = TrainingStep.open(other, small, AdamW.of(LEARNING_RATE), 1.0, 1)) {
      for (int i = 0; i < WARM_UP_STEPS; i++) {
        steps.run(small, 0, i, LEARNING_RATE);
      }
    }
  }

  /** Frees the model. */
  @TearDown
  public void free() {
    step.close();
    model.close();
  }

  private double train(long batch) {
    if (!step.run(data, 0, batch, LEARNING_RATE)) {
      throw new IllegalStateException("TrainingStepBenchmark: loss or gradient is not finite");
    }
    return step.loss();
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
    tokens.tokens += step.tokens();
    flops.flops += flopsOfStep;
    memory.reservedBytesPerToken = (double) step.reservedBytes() / step.tokens();
    return train(++index);
  }
}
