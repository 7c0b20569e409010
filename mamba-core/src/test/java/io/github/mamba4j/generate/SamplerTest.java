package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {

  private static final TokenHistory NOTHING = TokenHistory.of();

  static float[] logits(int vocabSize, long seed, double spread) {
    Random random = new Random(seed);
    float[] logits = new float[vocabSize];
    for (int id = 0; id < vocabSize; id++) {
      logits[id] = (float) (random.nextGaussian() * spread);
    }
    return logits;
  }

  static SamplingOptions[] everyFilter() {
    return new SamplingOptions[] {
      SamplingOptions.builder().seed(1).build(),
      SamplingOptions.builder().seed(2).temperature(0.5).build(),
      SamplingOptions.builder().seed(3).temperature(3).build(),
      SamplingOptions.builder().seed(4).topK(5).build(),
      SamplingOptions.builder().seed(5).topP(0.7).build(),
      SamplingOptions.builder().seed(6).minP(0.2).build(),
      SamplingOptions.builder().seed(7).topK(6).topP(0.8).temperature(1.7).build(),
      SamplingOptions.builder().seed(8).minP(0.1).topP(0.8).build(),
      SamplingOptions.builder().seed(9).topK(7).minP(0.15).topP(0.9).build(),
      SamplingOptions.builder().seed(10).repetitionPenalty(1.8).topK(8).build(),
      SamplingOptions.builder().seed(11).repetitionPenalty(0.6).topP(0.95).build(),
    };
  }

  @ParameterizedTest
  @MethodSource("everyFilter")
  void next_manyDraws_followTheExactDistribution(SamplingOptions options) {
    int vocabSize = 20;
    int draws = 40_000;
    float[] logits = logits(vocabSize, 5, 1.5);
    int[] history = {3, 7, 3, 19, 11};
    double[] expected = ReferenceSampling.distribution(logits, options, history);
    Sampler sampler = new Sampler(options, vocabSize);
    TokenHistory tokens = TokenHistory.of(history);

    long[] counts = new long[vocabSize];
    for (int i = 0; i < draws; i++) {
      counts[sampler.next(logits, tokens)]++;
    }

    double chiSquare = 0;
    for (int id = 0; id < vocabSize; id++) {
      if (expected[id] == 0) {
        assertThat(counts[id]).as("token %d is filtered out", id).isZero();
      } else {
        double mean = draws * expected[id];
        chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
      }
    }
    // 19 degrees of freedom or fewer: 43.82 is exceeded once in a thousand runs
    assertThat(chiSquare).isLessThan(43.82);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 17, 300})
  void next_randomFilters_neverLeaveTheSupport(int vocabSize) {
    Random random = new Random(vocabSize);
    for (int round = 0; round < 300; round++) {
      float[] logits = logits(vocabSize, random.nextLong(), 3);
      if (round % 3 == 0 && vocabSize > 1) {
        logits[random.nextInt(vocabSize - 1) + 1] = Float.NEGATIVE_INFINITY;
      }
      SamplingOptions options =
          SamplingOptions.builder()
              .temperature(0.2 + 2 * random.nextDouble())
              .topK(random.nextInt(3) == 0 ? random.nextInt(vocabSize + 2) : 0)
              .topP(1 - 0.99 * random.nextDouble())
              .minP(random.nextBoolean() ? random.nextDouble() : 0)
              .seed(round)
              .build();
      double[] expected = ReferenceSampling.distribution(logits, options);
      Sampler sampler = new Sampler(options, vocabSize);
      for (int i = 0; i < 20; i++) {
        int token = sampler.next(logits, NOTHING);
        assertThat(expected[token]).as("%s token %d", options, token).isPositive();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 1000})
  void next_greedy_isTheLargestLogit(int vocabSize) {
    Sampler sampler = new Sampler(SamplingOptions.greedy(), vocabSize);
    for (int seed = 0; seed < 50; seed++) {
      float[] logits = logits(vocabSize, seed, 1);
      int best = 0;
      for (int id = 0; id < vocabSize; id++) {
        best = logits[id] > logits[best] ? id : best;
      }
      assertThat(sampler.next(logits, NOTHING)).isEqualTo(best);
    }
  }

  @Test
  void next_ties_goToTheLowestId() {
    float[] logits = {1, 2, 2, 0, 2};

    assertThat(new Sampler(SamplingOptions.greedy(), 5).next(logits, NOTHING)).isEqualTo(1);
    Sampler twoOfThree = new Sampler(SamplingOptions.builder().topK(2).build(), 5);
    Sampler half = new Sampler(SamplingOptions.builder().topP(0.5).build(), 5);
    Sampler all = new Sampler(SamplingOptions.builder().minP(1).build(), 5);
    boolean[] seen = new boolean[5];
    for (int i = 0; i < 200; i++) {
      assertThat(twoOfThree.next(logits, NOTHING)).isIn(1, 2);
      assertThat(half.next(logits, NOTHING)).isIn(1, 2);
      seen[all.next(logits, NOTHING)] = true;
    }
    assertThat(seen).containsExactly(false, true, true, false, true);
  }

  @Test
  void next_penalty_countsEveryTokenOnceAndKnowsTheSign() {
    SamplingOptions options = SamplingOptions.builder().greedy().repetitionPenalty(2).build();
    Sampler sampler = new Sampler(options, 3);

    // 5 halved is 2.5, below 3; were it applied twice for two occurrences, 1.25 would lose to 2
    assertThat(sampler.next(new float[] {5, 3, 0}, TokenHistory.of(0, 0))).isEqualTo(1);
    assertThat(sampler.next(new float[] {5, 2, 0}, TokenHistory.of(0, 0))).isZero();
    // a negative logit moves down too
    assertThat(sampler.next(new float[] {-1, -1.5f, -9}, TokenHistory.of(0))).isEqualTo(1);
    // ids beyond the vocabulary (padding rows) are harmless
    assertThat(sampler.next(new float[] {5, 3, 0}, TokenHistory.of(70_000))).isZero();
  }

  @Test
  void next_minP_comparesWithTheLargestProbability() {
    float[] logits = {0, (float) Math.log(0.5), (float) Math.log(0.24), -50};
    Sampler sampler = new Sampler(SamplingOptions.builder().minP(0.25).build(), 4);
    boolean[] seen = new boolean[4];
    for (int i = 0; i < 500; i++) {
      seen[sampler.next(logits, NOTHING)] = true;
    }
    assertThat(seen).containsExactly(true, true, false, false);
  }

  @Test
  void next_topPReachedExactly_keepsNoMore() {
    Sampler whole = new Sampler(SamplingOptions.builder().topP(0.5).build(), 2);
    Sampler ofTopK = new Sampler(SamplingOptions.builder().topK(2).topP(0.5).build(), 3);
    for (int i = 0; i < 50; i++) {
      assertThat(whole.next(new float[] {1, 1}, NOTHING)).isZero();
      assertThat(ofTopK.next(new float[] {1, 1, 0}, NOTHING)).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 50, 300, 1500})
  void next_topKOfALargeVocabulary_isTheSortedPrefix(int k) {
    int vocabSize = 9000;
    Random random = new Random(k);
    float[] rising = new float[vocabSize];
    float[] coarse = new float[vocabSize];
    for (int id = 0; id < vocabSize; id++) {
      rising[id] = id * 1e-3f;
      coarse[id] = random.nextInt(6) * 0.1f;
    }
    for (float[] logits : new float[][] {rising, coarse, logits(vocabSize, k, 1)}) {
      SamplingOptions options = SamplingOptions.builder().topK(k).temperature(50).build();
      double[] expected = ReferenceSampling.distribution(logits, options);
      Sampler sampler = new Sampler(options, vocabSize);
      boolean[] seen = new boolean[vocabSize];
      for (int i = 0; i < 3 * k; i++) {
        int token = sampler.next(logits, NOTHING);
        seen[token] = true;
        assertThat(expected[token]).as("token %d", token).isPositive();
      }
      int distinct = 0;
      for (boolean one : seen) {
        distinct += one ? 1 : 0;
      }
      assertThat(distinct).isBetween((int) (0.85 * k), k);
    }
  }

  @Test
  void next_paddedRow_neverChoosesPadding() {
    float[] logits = {0, 0, 100, 100};
    Sampler sampler = new Sampler(SamplingOptions.builder().build(), 2);
    for (int i = 0; i < 100; i++) {
      assertThat(sampler.next(logits, NOTHING)).isLessThan(2);
    }
  }

  @Test
  void next_extremeTemperature_isStillADistribution() {
    float[] logits = {1, 1, 0.5f, -3};
    Sampler cold = new Sampler(SamplingOptions.builder().temperature(1e-320).build(), 4);
    Sampler hot = new Sampler(SamplingOptions.builder().temperature(1e300).build(), 4);
    int[] counts = new int[4];
    for (int i = 0; i < 400; i++) {
      assertThat(cold.next(logits, NOTHING)).isLessThan(2);
      counts[hot.next(logits, NOTHING)]++;
    }
    assertThat(counts).doesNotContain(0);
  }

  @Test
  void next_segmentRow_equalsArrayRow() {
    float[] logits = logits(50, 1, 2);
    SamplingOptions options = SamplingOptions.builder().topP(0.9).seed(3).build();
    Sampler fromArray = new Sampler(options, 50);
    Sampler fromSegment = new Sampler(options, 50);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocate(3 * 50 * Float.BYTES, 64);
      MemorySegment.copy(logits, 0, rows, ValueLayout.JAVA_FLOAT, 50 * Float.BYTES, 50);
      for (int i = 0; i < 100; i++) {
        assertThat(fromSegment.next(rows, 50 * Float.BYTES, NOTHING))
            .isEqualTo(fromArray.next(logits, NOTHING));
      }
      assertThat(logits).isEqualTo(logits(50, 1, 2));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> fromSegment.next(rows, 101 * Float.BYTES, NOTHING))
          .withMessage("Sampler: logits has 49 values, expected at least vocabSize = 50");
    }
  }

  @Test
  void resumeAt_savedIndex_continuesTheSameDraws() {
    float[] logits = logits(100, 2, 1);
    SamplingOptions options = SamplingOptions.builder().seed(12).build();
    Sampler whole = new Sampler(options, 100);
    int[] expected = new int[40];
    for (int i = 0; i < 40; i++) {
      expected[i] = whole.next(logits, NOTHING);
    }

    Sampler first = new Sampler(options, 100);
    int[] actual = new int[40];
    for (int i = 0; i < 15; i++) {
      actual[i] = first.next(logits, NOTHING);
    }
    Sampler second = new Sampler(options, 100);
    second.resumeAt(first.drawIndex());
    for (int i = 15; i < 40; i++) {
      actual[i] = second.next(logits, NOTHING);
    }
    assertThat(actual).isEqualTo(expected);
    assertThat(new Sampler(options.withSeed(13), 100).next(logits, NOTHING))
        .as("another seed draws other numbers")
        .isNotEqualTo(expected[0]);
    assertThatIllegalArgumentException().isThrownBy(() -> second.resumeAt(-1));
  }

  @Test
  void logProbability_chosenToken_isThatOfTheUnmodifiedSoftmax() {
    float[] logits = logits(30, 4, 2);
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    SamplingOptions options =
        SamplingOptions.builder().temperature(0.3).topK(4).repetitionPenalty(1.5).build();
    Sampler sampler = new Sampler(options, 30);
    for (int i = 0; i < 20; i++) {
      int token = sampler.next(logits, TokenHistory.of(1, 2, 3, token(i)));
      assertThat(sampler.logProbability()).isCloseTo(logits[token] - Math.log(sum), within(1e-12));
    }
  }

  private static int token(int i) {
    return i;
  }

  @Test
  void next_divergedModel_isIllegalState() {
    Sampler sampler = new Sampler(SamplingOptions.greedy(), 3);
    assertThatIllegalStateException()
        .isThrownBy(sampler::logProbability)
        .withMessageContaining("no token has been chosen yet");
    assertThatIllegalStateException()
        .isThrownBy(() -> sampler.next(new float[] {0, Float.NaN, 1}, NOTHING))
        .withMessage("Sampler: logits[1] is NaN, expected a finite number; the model has diverged");
    assertThatIllegalStateException()
        .isThrownBy(() -> sampler.next(new float[] {0, 1, Float.POSITIVE_INFINITY}, NOTHING))
        .withMessageContaining("logits[2] is Infinity");
    float none = Float.NEGATIVE_INFINITY;
    assertThatIllegalStateException()
        .isThrownBy(() -> sampler.next(new float[] {none, none, none}, NOTHING))
        .withMessageContaining("the largest logit is -Infinity");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.next(new float[2], NOTHING))
        .withMessage("Sampler: logits has 2 values, expected at least vocabSize = 3");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Sampler(SamplingOptions.greedy(), 0))
        .withMessage("Sampler: vocabSize must be positive, got 0");
  }

  @Test
  void next_afterTheFirstCall_allocatesNothing() throws ReflectiveOperationException {
    float[] logits = logits(5000, 6, 2);
    SamplingOptions options =
        SamplingOptions.builder().topP(0.9).minP(0.01).repetitionPenalty(1.1).build();
    Sampler sampler = new Sampler(options, 5000);
    MemorySegment row = MemorySegment.ofArray(logits);
    TokenHistory history = TokenHistory.of(1, 2, 3);
    int[] sink = new int[1];
    for (int i = 0; i < 50; i++) {
      sink[0] += sampler.next(row, 0, history);
    }
    long before = allocatedBytes();
    for (int i = 0; i < 1000; i++) {
      sink[0] += sampler.next(row, 0, history);
    }
    long allocated = allocatedBytes() - before;
    // a thousand calls; what remains is the measurement and the compiler's own
    assertThat(allocated).isLessThan(16_000);
  }

  /** By reflection, because the module of the library does not read the management modules. */
  private static long allocatedBytes() throws ReflectiveOperationException {
    Object threads =
        Class.forName("java.lang.management.ManagementFactory")
            .getMethod("getThreadMXBean")
            .invoke(null);
    return (long)
        Class.forName("com.sun.management.ThreadMXBean")
            .getMethod("getCurrentThreadAllocatedBytes")
            .invoke(threads);
  }

  @Test
  void tokenHistory_growing_keepsOrderAndDistinctIds() {
    TokenHistory history = new TokenHistory();
    for (int i = 0; i < 1000; i++) {
      history.add(i % 300);
    }
    assertThat(history.size()).isEqualTo(1000);
    assertThat(history.distinctSize()).isEqualTo(300);
    assertThat(history.distinct(299)).isEqualTo(299);
    assertThat(history.get(999)).isEqualTo(99);
    assertThat(history.toArray()).hasSize(1000);
    assertThat(history.contains(299)).isTrue();
    assertThat(history.contains(300)).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> history.add(-1))
        .withMessage("TokenHistory: tokenId must not be negative, got -1");
  }
}
