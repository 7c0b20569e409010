package io.github.mamba4j.bench;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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
 * A prompt of 512 tokens through a model of the sizes of mamba-130m (dModel 768, 24 layers,
 * vocabulary 50280), up to the logits of the token that follows, on the host.
 *
 * <p>One operation is one prompt; {@code tokens} are tokens a second. {@code flops} counts two
 * operations a token and parameter of the layers, and the head once a prompt.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar PrefillBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 10)
@Measurement(iterations = 5, time = 10)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class PrefillBenchmark {
  private static final int LENGTH = 512;
  private static final int FIRST_PART = 100;
  private static final double TOLERANCE = 1e-4;

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  private final int[] prompt = PublishedModel.tokens(LENGTH);
  private MambaModel model;
  private InferenceState state;
  private long flopsOfPrompt;

  /** Makes the model and checks that a prompt in two parts gives the same. */
  @Setup
  public void prepare() {
    model = PublishedModel.MAMBA_130M.create(threads);
    long head = (long) model.config().paddedVocabSize() * model.config().dModel();
    flopsOfPrompt = 2 * ((model.parameterCount() - head) * LENGTH + head);
    state = model.newState();
    state.prefill(prompt);
    try (InferenceState parts = model.newState()) {
      parts.prefill(Arrays.copyOf(prompt, FIRST_PART));
      parts.prefill(Arrays.copyOfRange(prompt, FIRST_PART, LENGTH));
      double[] expected = Agreement.widen(PublishedModel.logits(parts));
      Agreement.check("prefill's logits", PublishedModel.logits(state), expected, TOLERANCE);
    }
  }

  /** Frees the model. */
  @TearDown
  public void free() {
    state.close();
    model.close();
  }

  /**
   * Reads the prompt.
   *
   * @param tokens counts the tokens
   * @param flops counts the operations
   * @return the logits
   */
  @Benchmark
  public MemorySegment prefill(TokenCounter tokens, FlopCounter flops) {
    state.prefill(prompt);
    tokens.tokens += LENGTH;
    flops.flops += flopsOfPrompt;
    return state.logits();
  }
}
