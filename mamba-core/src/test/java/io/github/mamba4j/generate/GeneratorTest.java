package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Generation with a small random model over bytes. */
class GeneratorTest {
  private static final int[] PROMPT = {72, 105, 33};
  private static Device device;
  private static MambaModel model;

  /** Token i is the byte i. */
  private static final TokenText BYTES =
      new TokenText() {
        @Override
        public int vocabSize() {
          return 256;
        }

        @Override
        public byte[] bytesOf(int tokenId) {
          return new byte[] {(byte) tokenId};
        }
      };

  @BeforeAll
  static void open() {
    device = TestDevice.open(2);
    model =
        MambaModel.builder()
            .dModel(16)
            .nLayers(2)
            .vocabSize(256)
            .initializerRange(0.5)
            .seed(4)
            .device(device)
            .build();
  }

  @AfterAll
  static void close() {
    model.close();
    device.close();
  }

  private static SamplingOptions.Builder sampling(int tokens) {
    return SamplingOptions.builder().temperature(1.0).seed(9).maxNewTokens(tokens);
  }

  private static int[] ids(int count, long seed) {
    return Generator.of(model)
        .generate(PROMPT, SamplingOptions.builder().seed(seed).maxNewTokens(count).build())
        .ids();
  }

  @Test
  void generate_greedy_isTheArgmaxOfTheFullForwardPass() {
    Generation generation =
        Generator.of(model)
            .generate(PROMPT, SamplingOptions.builder().greedy().maxNewTokens(12).build());
    assertThat(generation.reason()).isEqualTo(FinishReason.MAX_TOKENS);
    int[] all = Arrays.copyOf(PROMPT, PROMPT.length + 12);
    for (int i = PROMPT.length; i < all.length; i++) {
      all[i] = argmax(Arrays.copyOf(all, i));
    }
    assertThat(generation.ids()).isEqualTo(Arrays.copyOfRange(all, PROMPT.length, all.length));
    assertThat(generation.tokens()).allMatch(token -> token.logProbability() <= 0);
  }

  @Test
  void generate_fewerTokensInTheText_makesOnlyThose() {
    TokenText few =
        new TokenText() {
          @Override
          public int vocabSize() {
            return 40;
          }

          @Override
          public byte[] bytesOf(int tokenId) {
            assertThat(tokenId).isLessThan(40);
            return new byte[] {'x'};
          }
        };
    int[] prompt = {1, 2};
    int[] made = Generator.of(model, few).generate(prompt, sampling(60).build()).ids();
    assertThat(Arrays.stream(made).boxed()).hasSize(60).allMatch(id -> id < 40);
    int[] any = Generator.of(model).generate(prompt, sampling(60).build()).ids();
    assertThat(Arrays.stream(any).boxed()).anyMatch(id -> id >= 40);
  }

  private static int argmax(int[] tokens) {
    try (Scope scope = model.openScope()) {
      float[] logits =
          model.forward(model.ids(scope, Shape.of(1, tokens.length), tokens)).select(-1).toFloats();
      int best = 0;
      for (int i = 1; i < 256; i++) {
        best = logits[i] > logits[best] ? i : best;
      }
      return best;
    }
  }

  @Test
  void generate_seeds_repeatAndDiffer() {
    assertThat(ids(30, 1)).isEqualTo(ids(30, 1)).isNotEqualTo(ids(30, 2));
  }

  @Test
  void stream_readPartly_givesTheSameTokensAsGenerate() {
    int[] expected = ids(20, 5);
    SamplingOptions options = SamplingOptions.builder().seed(5).maxNewTokens(20).build();
    try (TokenStream tokens = Generator.of(model).stream(PROMPT, options);
        Stream<GeneratedToken> stream = tokens.stream()) {
      assertThat(stream.limit(7).mapToInt(GeneratedToken::id).toArray())
          .isEqualTo(Arrays.copyOf(expected, 7));
    }
  }

  @Test
  void generate_fromState_continuesLikeOneRun() {
    int[] expected = ids(10, 3);
    SamplingOptions whole = SamplingOptions.builder().greedy().maxNewTokens(10).build();
    int[] greedy = Generator.of(model).generate(PROMPT, whole).ids();
    assertThat(greedy).hasSize(expected.length);
    try (InferenceState state = model.newState()) {
      SamplingOptions half = SamplingOptions.builder().greedy().maxNewTokens(5).build();
      int[] first = Generator.of(model).generate(state, PROMPT, half).ids();
      int[] second = Generator.of(model).generate(state, new int[] {first[4]}, half).ids();
      assertThat(first).isEqualTo(Arrays.copyOf(greedy, 5));
      assertThat(second).isEqualTo(Arrays.copyOfRange(greedy, 5, 10));
    }
  }

  @Test
  void generate_stopToken_endsWithIt() {
    int[] free = ids(40, 1);
    int stop = free[11];
    int firstAt = 0;
    while (free[firstAt] != stop) {
      firstAt++;
    }
    Generation generation =
        Generator.of(model)
            .generate(
                PROMPT,
                SamplingOptions.builder().seed(1).maxNewTokens(40).stopTokens(stop).build());
    assertThat(generation.reason()).isEqualTo(FinishReason.STOP_TOKEN);
    assertThat(generation.ids()).isEqualTo(Arrays.copyOf(free, firstAt + 1));
  }

  @Test
  void generate_text_neverSplitsACharacterAndLosesNothing() {
    Generation generation = Generator.of(model, BYTES).generate(PROMPT, sampling(200).build());
    byte[] bytes = new byte[200];
    for (int i = 0; i < 200; i++) {
      bytes[i] = (byte) generation.ids()[i];
    }
    assertThat(generation.text()).isEqualTo(new String(bytes, StandardCharsets.UTF_8));
    String joined =
        generation.tokens().stream().map(GeneratedToken::text).collect(Collectors.joining());
    assertThat(joined).isEqualTo(generation.text());
  }

  @Test
  void generate_stopString_cutsTheTextBeforeIt() {
    String free = Generator.of(model, BYTES).generate(PROMPT, sampling(120).build()).text();
    String stop = free.substring(40, 43);
    Generation generation =
        Generator.of(model, BYTES).generate(PROMPT, sampling(120).stopStrings(stop).build());
    assertThat(generation.reason()).isEqualTo(FinishReason.STOP_STRING);
    assertThat(generation.text()).isEqualTo(free.substring(0, free.indexOf(stop)));
  }

  @Test
  void badCalls_areRefusedInWords() {
    Generator generator = Generator.of(model);
    SamplingOptions options = sampling(1).build();
    assertThatThrownBy(() -> generator.generate(new int[0], options))
        .hasMessageContaining("prompt is empty");
    assertThatThrownBy(() -> generator.generate(new int[] {256}, options))
        .hasMessageContaining("token id 256");
    assertThatThrownBy(() -> generator.generate(PROMPT, sampling(1).stopStrings("x").build()))
        .hasMessageContaining("stop strings need a tokenizer");
    try (InferenceState two = model.newState(2)) {
      assertThatThrownBy(() -> generator.generate(two, PROMPT, options))
          .hasMessageContaining("one sequence");
    }
  }

  @Test
  void publish_requests_getWhatTheyAskForAndNoMore() throws InterruptedException {
    int[] expected = ids(6, 2);
    Recorder recorder = new Recorder();
    Generator.of(model)
        .publish(PROMPT, SamplingOptions.builder().seed(2).maxNewTokens(6).build())
        .subscribe(recorder);
    Flow.Subscription subscription = recorder.subscription();
    assertThat(recorder.tokens.poll(50, TimeUnit.MILLISECONDS)).isNull();
    subscription.request(2);
    assertThat(recorder.take()).isEqualTo(expected[0]);
    assertThat(recorder.take()).isEqualTo(expected[1]);
    assertThat(recorder.tokens.poll(50, TimeUnit.MILLISECONDS)).isNull();
    subscription.request(Long.MAX_VALUE);
    for (int i = 2; i < 6; i++) {
      assertThat(recorder.take()).isEqualTo(expected[i]);
    }
    assertThat(recorder.done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(recorder.problem).isNull();
  }

  @Test
  void publish_cancelled_sendsNothingMore() throws InterruptedException {
    List<Runnable> runs = new ArrayList<>();
    Recorder recorder = new Recorder();
    recorder.cancelAfter = 3;
    Generator.of(model).publish(PROMPT, sampling(1_000_000).build(), runs::add).subscribe(recorder);
    Thread thread = Thread.ofPlatform().start(runs.getFirst());
    recorder.subscription().request(Long.MAX_VALUE);
    assertThat(thread.join(java.time.Duration.ofSeconds(20))).isTrue();
    assertThat(recorder.tokens).hasSize(3);
    assertThat(recorder.done.getCount()).isEqualTo(1);
  }

  @Test
  void publish_badRequest_endsWithAnError() throws InterruptedException {
    Recorder recorder = new Recorder();
    Generator.of(model).publish(PROMPT, sampling(5).build()).subscribe(recorder);
    recorder.subscription().request(0);
    assertThat(recorder.done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(recorder.problem).hasMessageContaining("must be positive");
  }

  static final class Recorder implements Flow.Subscriber<GeneratedToken> {
    private final LinkedBlockingQueue<GeneratedToken> tokens = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Flow.Subscription> subscriptions =
        new LinkedBlockingQueue<>();
    final CountDownLatch done = new CountDownLatch(1);
    volatile @Nullable Throwable problem;
    private volatile int cancelAfter = Integer.MAX_VALUE;
    private volatile Flow.@Nullable Subscription held;

    Flow.Subscription subscription() throws InterruptedException {
      Flow.Subscription subscription = subscriptions.poll(10, TimeUnit.SECONDS);
      assertThat(subscription).isNotNull();
      return subscription;
    }

    void cancel() {
      Objects.requireNonNull(held).cancel();
    }

    int take() throws InterruptedException {
      GeneratedToken token = tokens.poll(10, TimeUnit.SECONDS);
      assertThat(token).isNotNull();
      return token.id();
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      held = subscription;
      subscriptions.add(subscription);
    }

    @Override
    public void onNext(GeneratedToken token) {
      tokens.add(token);
      Flow.Subscription subscription = held;
      if (tokens.size() == cancelAfter && subscription != null) {
        subscription.cancel();
      }
    }

    @Override
    public void onError(Throwable throwable) {
      problem = throwable;
      done.countDown();
    }

    @Override
    public void onComplete() {
      done.countDown();
    }
  }
}
