package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.generate.Sampler;
import io.github.mamba4j.generate.SamplingOptions;
import io.github.mamba4j.generate.TokenHistory;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.SamplingKernels;
import io.github.mamba4j.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sampling kernels choose what the CPU's sampler chooses. */
abstract class SamplingContract {
  private static final int ROWS = 2;
  private static final long SEED = -4_711_000_000_123L;

  private final Random random = new Random(17);
  private CudaBackend backend;
  private SamplingKernels kernels;

  /** Opens a backend over a {@link TestGpu}. */
  abstract CudaBackend open();

  @BeforeEach
  void openBackend() {
    backend = open();
    kernels = new CudaSampling(backend.gpu());
  }

  @AfterEach
  void close() {
    if (backend != null) { // null where there is no GPU
      backend.close();
    }
  }

  /** Rows of logits with what steers their choice. */
  private final class Choice {
    final DType type;
    final int vocab;
    final int stride;
    final float[][] logits = new float[ROWS][];
    final TokenHistory[] histories = new TokenHistory[ROWS];
    private final MemorySegment memory;
    private final MemorySegment settings = memory(ROWS * SamplingKernels.SETTINGS * 4L);
    private final MemorySegment state = memory(ROWS * SamplingKernels.STATE * 4L);
    private final MemorySegment seen;
    private final MemorySegment tokens = memory(ROWS * 4L);
    private final MemorySegment logProbabilities = memory(ROWS * 4L);
    private final SamplingKernels.Sample sample;

    Choice(DType type, int vocab, int gap, SamplingOptions options) {
      this.type = type;
      this.vocab = vocab;
      stride = vocab + gap;
      memory = memory(type.bytes((long) ROWS * stride));
      int words = Math.ceilDiv(vocab, 32);
      seen = memory(4L * ROWS * words);
      for (int row = 0; row < ROWS; row++) {
        logits[row] = new float[vocab];
        histories[row] = new TokenHistory();
        float[] steering = {
          (float) (1 / options.temperature()),
          (float) options.topP(),
          (float) options.minP(),
          (float) options.repetitionPenalty()
        };
        MemorySegment.copy(steering, 0, settings, ValueLayout.JAVA_FLOAT, row * 16L, 4);
        int[] numbers = {options.topK(), (int) SEED, (int) (SEED >> 32), row, 0};
        MemorySegment.copy(numbers, 0, state, ValueLayout.JAVA_INT, row * 20L, 5);
      }
      sample =
          new SamplingKernels.Sample(
              ROWS,
              vocab,
              view(memory, type, stride),
              view(settings, DType.F32, 1),
              view(state, DType.I32, 1),
              options.repetitionPenalty() == 1 ? null : view(seen, DType.I32, words),
              view(tokens, DType.I32, 1),
              view(logProbabilities, DType.F32, 1),
              view(memory(4 * kernels.sampleWorkspaceFloats(ROWS, vocab)), DType.F32, 1));
    }

    private MemorySegment memory(long bytes) {
      return Arena.ofAuto().allocate(bytes, 64);
    }

    private View view(MemorySegment segment, DType viewed, long apart) {
      return new View(TestGpu.share(backend, segment), viewed, 0, apart);
    }

    void set(int row, int id, float value) {
      int bits = Float.floatToRawIntBits(value);
      long index = (long) row * stride + id;
      if (type == DType.BF16) {
        memory.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) (bits >> 16));
        bits &= 0xFFFF_0000;
      } else {
        memory.setAtIndex(ValueLayout.JAVA_INT, index, bits);
      }
      logits[row][id] = Float.intBitsToFloat(bits);
    }

    void fill(double spread) {
      for (int row = 0; row < ROWS; row++) {
        for (int id = 0; id < vocab; id++) {
          set(row, id, (float) (random.nextGaussian() * spread));
        }
      }
    }

    void see(int row, int id) {
      histories[row].add(id);
      long word = (long) row * Math.ceilDiv(vocab, 32) + id / 32;
      int bits = seen.getAtIndex(ValueLayout.JAVA_INT, word) | 1 << id % 32;
      seen.setAtIndex(ValueLayout.JAVA_INT, word, bits);
    }

    int[] run() {
      kernels.sample(sample);
      return tokens.toArray(ValueLayout.JAVA_INT);
    }

    double logProbability(int row) {
      return logProbabilities.getAtIndex(ValueLayout.JAVA_FLOAT, row);
    }

    int draws(int row) {
      return state.getAtIndex(ValueLayout.JAVA_INT, row * 5L + SamplingKernels.DRAWS);
    }
  }

  private static SamplingOptions options(
      double temperature, int topK, double topP, double minP, double penalty) {
    SamplingOptions.Builder builder = SamplingOptions.builder().seed(SEED);
    return builder
        .temperature(temperature)
        .topK(topK)
        .topP(topP)
        .minP(minP)
        .repetitionPenalty(penalty)
        .build();
  }

  private static void assertLikeTheCpu(Choice choice, SamplingOptions options, int times) {
    Sampler[] samplers = new Sampler[ROWS];
    for (int row = 0; row < ROWS; row++) {
      samplers[row] = new Sampler(options, choice.vocab);
      samplers[row].resumeAt(row);
    }
    for (int time = 0; time < times; time++) {
      int[] expected = new int[ROWS];
      for (int row = 0; row < ROWS; row++) {
        expected[row] = samplers[row].next(choice.logits[row], choice.histories[row]);
      }
      assertThat(choice.run()).as("draw %d of %s", time, options).isEqualTo(expected);
      for (int row = 0; row < ROWS; row++) {
        choice.histories[row].add(expected[row]);
        assertThat(choice.logProbability(row))
            .isCloseTo(samplers[row].logProbability(), within(1e-4));
        assertThat(choice.draws(row)).isEqualTo(row + time + 1);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    // temperature, top-k, top-p, min-p, penalty
    "1, 1, 1, 0, 1",
    "1, 0, 1, 0, 1",
    "0.7, 0, 1, 0, 1",
    "1.5, 0, 1, 0.05, 1",
    "1, 50, 1, 0, 1",
    "0.8, 40, 0.95, 0, 1",
    "1, 7, 1, 0.2, 1",
    "1, 2, 0.5, 0, 1",
    "1, 0, 0.9, 0, 1",
    "1, 0, 0.3, 0, 1",
    "0.6, 0, 0.95, 0.02, 1.3",
    "1, 0, 0.999, 0, 1",
    "1, 0, 0.9999999, 0, 1",
    "1, 0, 1e-9, 0, 1",
    "1, 1, 1, 0, 1.5",
    "1, 20, 0.9, 0, 0.8",
    "1, 2000, 0.9, 0, 1",
    "1e-9, 0, 0.9, 0, 1",
    "1e9, 0, 1, 0, 1",
    "1e300, 5, 1, 0, 1",
  })
  void sample_everySetting_isTheCpusToken(
      double temperature, int topK, double topP, double minP, double penalty) {
    SamplingOptions options = options(temperature, topK, topP, minP, penalty);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      Choice choice = new Choice(type, 2501, type == DType.F32 ? 3 : 0, options);
      choice.fill(3);
      for (int i = 0; i < 300; i++) {
        choice.see(i % ROWS, random.nextInt(choice.vocab));
      }
      assertLikeTheCpu(choice, options, 2);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 1, 2.5", "50, 1, 2.5", "0, 0.9, 2.5", "0, 0.95, 0.01"})
  void sample_realVocabulary_isTheCpusToken(int topK, double topP, double spread) {
    SamplingOptions options = options(1, topK, topP, 0, 1.1);
    Choice choice = new Choice(DType.F32, 50_280, 0, options);
    choice.fill(spread);
    assertLikeTheCpu(choice, options, 1);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0, 0.9", "5, 1", "4500, 0.5"})
  void sample_equalLogits_takesTheLowestIdsFirst(int topK, double topP) {
    SamplingOptions options = options(1, topK, topP, 0, 1);
    Choice choice = new Choice(DType.BF16, 5000, 0, options);
    for (int row = 0; row < ROWS; row++) {
      for (int id = 0; id < choice.vocab; id++) {
        choice.set(row, id, row == 0 ? 1.5f : id % 3 == 0 ? 0f : -0f);
      }
    }
    assertLikeTheCpu(choice, options, 1);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "0, 0.9", "5, 1", "1, 1", "2, 0.9", "3, 1"})
  void sample_forbiddenTokens_areNeverChosen(int topK, double topP) {
    SamplingOptions options = options(1, topK, topP, 0, 1);
    for (int vocab : new int[] {3, 5, 200}) {
      Choice choice = new Choice(DType.F32, vocab, 0, options);
      choice.fill(1);
      for (int row = 0; row < ROWS; row++) {
        for (int id = 0; id < vocab; id++) {
          if (id % 5 != row) {
            choice.set(row, id, Float.NEGATIVE_INFINITY);
          }
        }
      }
      assertLikeTheCpu(choice, options, 2);
    }
  }

  @Test
  void sample_logitsThatAreNoNumbers_giveNoProbabilityAndCountNoDraw() {
    for (int topK : new int[] {0, 1, 10}) {
      Choice choice = new Choice(DType.F32, 1031, 0, options(1, topK, 1, 0, 1));
      choice.fill(1);
      choice.set(0, 700, Float.NaN);
      choice.set(1, 1030, Float.POSITIVE_INFINITY);
      assertThat(choice.run()).containsOnly(0);
      assertThat(choice.draws(1)).isEqualTo(1);
      assertThat(choice.logProbability(0)).isNaN();
      assertThat(choice.logProbability(1)).isNaN();
      for (int id = 0; id < choice.vocab; id++) {
        choice.set(0, id, Float.NEGATIVE_INFINITY);
      }
      assertThat(choice.run()).containsOnly(0);
      assertThat(choice.logProbability(0)).isNaN();
    }
  }
}
