package io.github.mamba4j.bench;

import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import java.lang.foreign.MemorySegment;
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
 * One token of one sequence through a model of the sizes of mamba-130m (dModel 768, 24 layers,
 * vocabulary 50280), up to the logits on the host.
 *
 * <p>One operation is one token. Every weight is read once a token and no cache holds them all, so
 * {@code readBytes}, all parameters' bytes a token, is to be compared with {@link
 * MachineBenchmark#read}.
 *
 * <pre>{@code
 * java -jar mamba-bench/target/benchmarks.jar DecodeBenchmark -prof gc
 * }</pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 5)
@Measurement(iterations = 5, time = 5)
@Fork(value = 3, jvmArgsAppend = ForkFlags.VECTOR)
public class DecodeBenchmark {
  private static final int CHECKED_TOKENS = 8;
  private static final double TOLERANCE = 1e-4;

  /** Threads that compute. */
  @Param({"1", "2"})
  public int threads;

  private final int[] next = new int[1];
  private MambaModel model;
  private InferenceState state;
  private long weightBytes;

  /** Makes the model and checks that steps give what a parallel prefill gives. */
  @Setup
  public void prepare() {
    model = PublishedModel.MAMBA_130M.create(threads);
    weightBytes = model.parameterCount() * Float.BYTES;
    state = model.newState();
    int[] text = PublishedModel.tokens(CHECKED_TOKENS);
    for (int token : text) {
      next[0] = token;
      state.step(next);
    }
    try (InferenceState parallel = model.newState()) {
      parallel.prefill(text);
      double[] expected = Agreement.widen(PublishedModel.logits(parallel));
      Agreement.check("step's logits", PublishedModel.logits(state), expected, TOLERANCE);
    }
  }

  /** Frees the model. */
  @TearDown
  public void free() {
    state.close();
    model.close();
  }

  /**
   * Reads the next token.
   *
   * @param tokens counts the tokens
   * @param reads counts the bytes of the weights
   * @return the logits
   */
  @Benchmark
  public MemorySegment step(TokenCounter tokens, ReadCounter reads) {
    next[0] = PublishedModel.token(state.position());
    state.step(next);
    tokens.tokens++;
    reads.readBytes += weightBytes;
    return state.logits();
  }
}
