package io.github.mamba4j.model;

import static io.github.mamba4j.model.TinyModels.alone;
import static io.github.mamba4j.model.TinyModels.logits;
import static io.github.mamba4j.model.TinyModels.tokens;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.tensor.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A state from the cache has the bits of one that has read the same pieces. */
@ParameterizedClass
@EnumSource(Architecture.class)
class PrefixCacheTest {
  private static final long PLENTY = 1L << 30;
  private static Device device;
  private static MambaModel model;
  @Parameter Architecture architecture;

  @BeforeParameterizedClassInvocation
  static void open(Architecture kind) {
    device = TestDevice.open(2);
    model = TinyModels.builder(kind, device).build();
  }

  @AfterParameterizedClassInvocation
  static void close() {
    model.close();
    device.close();
  }

  private static int[] joined(int[] one, int[] two) {
    return IntStream.concat(IntStream.of(one), IntStream.of(two)).toArray();
  }

  private static void assertPrefill(PrefixCache cache, int[]... parts) {
    try (InferenceState cached = cache.prefill(parts);
        InferenceState plain = model.newState()) {
      for (int[] part : parts) {
        plain.prefill(part);
      }
      assertThat(cached.position()).isEqualTo(plain.position());
      assertThat(logits(cached)).isEqualTo(logits(plain));
      cached.step(3);
      plain.step(3);
      assertThat(logits(cached)).isEqualTo(logits(plain));
    }
  }

  @Test
  void prefill_promptsWithOneBeginning_readItOnce() {
    int[] beginning = tokens(600, 1);
    try (PrefixCache cache = new PrefixCache(model, PLENTY)) {
      assertPrefill(cache, joined(beginning, tokens(30, 2)));
      assertThat(cache.hitTokens()).isZero();
      assertThat(cache.missTokens()).isEqualTo(630);
      assertPrefill(cache, joined(beginning, tokens(300, 3)));
      assertThat(cache.hitTokens()).isEqualTo(512);
      assertPrefill(cache, joined(beginning, tokens(30, 2)));
      assertThat(cache.hitTokens()).isEqualTo(512 + 630);
      assertPrefill(cache, tokens(40, 9));
      assertThat(cache.hitTokens()).isEqualTo(512 + 630);
      cache.clear();
      assertThat(cache.bytes()).isZero();
      assertPrefill(cache, joined(beginning, tokens(30, 2)));
      assertThat(cache.hitTokens()).isEqualTo(512 + 630);
    }
  }

  @Test
  void prefill_firstPartOfAnyLength_isFoundAgain() {
    int[] system = tokens(37, 1);
    try (PrefixCache cache = new PrefixCache(model, PLENTY)) {
      assertPrefill(cache, system, tokens(20, 2));
      assertPrefill(cache, system, tokens(300, 3));
      assertThat(cache.hitTokens()).isEqualTo(37);
      // Equal tokens with other cuts have other bits, so they are not the same.
      assertPrefill(cache, joined(system, tokens(20, 2)));
      assertThat(cache.hitTokens()).isEqualTo(37);
    }
  }

  @Test
  void prefill_moreThanFits_dropsTheLeastRecentlyUsed() {
    long one;
    try (PrefixCache cache = new PrefixCache(model, PLENTY)) {
      cache.prefill(tokens(10, 1)).close();
      one = cache.bytes();
    }
    try (PrefixCache cache = new PrefixCache(model, 2 * one + 1)) {
      assertPrefill(cache, tokens(10, 1));
      assertPrefill(cache, tokens(10, 2));
      assertPrefill(cache, tokens(10, 1));
      assertThat(cache.hitTokens()).isEqualTo(10);
      assertPrefill(cache, tokens(10, 3));
      assertThat(cache.bytes()).isEqualTo(2 * one);
      assertPrefill(cache, tokens(10, 1));
      assertThat(cache.hitTokens()).isEqualTo(20);
      assertPrefill(cache, tokens(10, 2));
      assertThat(cache.hitTokens()).isEqualTo(20);
    }
    try (PrefixCache cache = new PrefixCache(model, one - 1)) {
      assertPrefill(cache, tokens(10, 1));
      assertThat(cache.bytes()).isZero();
    }
  }

  @Test
  void prefill_twoThreads_giveWhatEachGivesAlone() throws Exception {
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      prompts.add(joined(tokens(256 * (1 + i % 2), i % 3), tokens(5 + i, i)));
    }
    long bytes = 6L * model.config().vocabSize() * 1000;
    try (PrefixCache cache = new PrefixCache(model, bytes);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<?>> runs = new ArrayList<>();
      for (int thread = 0; thread < 2; thread++) {
        Random random = new Random(thread);
        runs.add(
            threads.submit(() -> {
              for (int i = 0; i < 4; i++) {
                int[] prompt = prompts.get(random.nextInt(prompts.size()));
                try (InferenceState state = cache.prefill(prompt)) {
                  assertThat(logits(state)[0]).isEqualTo(alone(model, prompt));
                }
              }
            }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
      assertThat(cache.bytes()).isLessThanOrEqualTo(bytes);
    }
  }

  @Test
  void badCalls_areRefused() {
    PrefixCache cache = new PrefixCache(model, PLENTY);
    assertThatThrownBy(() -> cache.prefill(new int[] {1, 29}))
        .hasMessageContaining("token id 29 at index 1");
    try (InferenceState empty = cache.prefill()) {
      assertThat(empty.position()).isZero();
    }
    cache.close();
    assertThatThrownBy(() -> cache.prefill(new int[] {1})).hasMessageContaining("is closed");
    assertThatThrownBy(() -> new PrefixCache(model, 0))
        .hasMessageContaining("maxBytes must be positive, got 0");
  }
}
