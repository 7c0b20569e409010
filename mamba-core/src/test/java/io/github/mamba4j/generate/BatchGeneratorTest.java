package io.github.mamba4j.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.model.Architecture;
import io.github.mamba4j.model.InferenceState;
import io.github.mamba4j.model.MambaModel;
import io.github.mamba4j.model.MambaModelBuilder;
import io.github.mamba4j.tensor.Device;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Many threads on one model: each gets what a {@link Generator} gives it alone. */
@ParameterizedClass
@EnumSource(Architecture.class)
@Timeout(60)
class BatchGeneratorTest {
  private static final int VOCAB = 31;
  private static final int[] PROMPT = {3, 1, 4};
  private static Device device;
  private static MambaModel model;
  @Parameter Architecture architecture;

  @BeforeParameterizedClassInvocation
  static void open(Architecture kind) {
    device = TestDevice.open(2);
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(12)
            .nLayers(2)
            .vocabSize(VOCAB)
            .dState(4)
            .initializerRange(0.5)
            .seed(4)
            .device(device);
    model = (kind == Architecture.MAMBA1 ? builder : builder.headDim(8)).build();
  }

  @AfterParameterizedClassInvocation
  static void close() {
    model.close();
    device.close();
  }

  private static SamplingOptions options(long seed, int count) {
    return SamplingOptions.builder().seed(seed).maxNewTokens(count).build();
  }

  private static int[] alone(int[] prompt, SamplingOptions options) {
    return Generator.of(model).generate(prompt, options).ids();
  }

  /** More requests than places, some of them with prompts of several pieces. */
  @Test
  void generate_manyVirtualThreads_getWhatEachGetsAlone() throws Exception {
    Random random = new Random(1);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < 25; i++) {
      int length = i % 10 == 9 ? 300 : 1 + random.nextInt(30);
      prompts.add(random.ints(length, 0, VOCAB).toArray());
    }
    try (BatchGenerator generator = BatchGenerator.open(model, 18);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Generation>> runs = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        int[] prompt = prompts.get(i);
        SamplingOptions options = options(i, 5 + i % 7);
        runs.add(threads.submit(() -> generator.generate(prompt, options)));
      }
      for (int i = 0; i < prompts.size(); i++) {
        Generation generation = runs.get(i).get();
        assertThat(generation.ids())
            .as("request " + i)
            .isEqualTo(alone(prompts.get(i), options(i, 5 + i % 7)));
        assertThat(generation.reason()).isEqualTo(FinishReason.MAX_TOKENS);
      }
    }
  }

  /** One who does not read on keeps a place, and holds nobody up. */
  @Test
  void stream_slowReader_doesNotDisturbOthers() {
    try (BatchGenerator generator = BatchGenerator.open(model, 2);
        TokenStream slow = generator.stream(PROMPT, options(1, 4))) {
      List<Integer> ids = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        ids.add(slow.next().id());
        int[] prompt = {i, 2, 5};
        assertThat(generator.generate(prompt, options(i, 6)).ids())
            .isEqualTo(alone(prompt, options(i, 6)));
      }
      assertThat(slow.hasNext()).isFalse();
      assertThat(ids.stream().mapToInt(i -> i).toArray()).isEqualTo(alone(PROMPT, options(1, 4)));
    }
  }

  @Test
  void stream_readToItsEndOrClosed_givesItsPlaceToTheNext() {
    try (BatchGenerator generator = BatchGenerator.open(model, 1);
        TokenStream first = generator.stream(PROMPT, options(1, 2))) {
      TokenStream second = generator.stream(PROMPT, options(2, 50));
      TokenStream third = generator.stream(PROMPT, options(3, 1));
      first.forEachRemaining(token -> {});
      assertThat(first.finishReason()).contains(FinishReason.MAX_TOKENS);
      assertThat(second.next().id()).isEqualTo(alone(PROMPT, options(2, 1))[0]);
      second.close();
      assertThat(second.finishReason()).contains(FinishReason.CANCELLED);
      assertThat(third.next().id()).isEqualTo(alone(PROMPT, options(3, 1))[0]);
    }
  }

  @Test
  void cancel_whileAnotherThreadWaitsForAPlace_endsTheWait() throws Exception {
    try (BatchGenerator generator = BatchGenerator.open(model, 1);
        TokenStream holder = generator.stream(PROMPT, options(1, 9));
        TokenStream queued = generator.stream(PROMPT, options(2, 9));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      assertThat(holder.hasNext()).isTrue();
      Future<Boolean> wait = threads.submit(queued::hasNext);
      queued.cancel();
      assertThat(wait.get(20, TimeUnit.SECONDS)).isFalse();
      assertThat(queued.finishReason()).contains(FinishReason.CANCELLED);
      int[] rest = holder.stream().mapToInt(GeneratedToken::id).toArray();
      assertThat(rest).isEqualTo(alone(PROMPT, options(1, 9)));
    }
  }

  @Test
  void interrupt_whileWaiting_endsTheSequenceOnly() throws Exception {
    try (BatchGenerator generator = BatchGenerator.open(model, 1);
        TokenStream holder = generator.stream(PROMPT, options(1, 9))) {
      assertThat(holder.hasNext()).isTrue();
      List<Object> seen = new ArrayList<>();
      Thread waiting =
          Thread.ofVirtual()
              .start(() -> {
                seen.add(generator.generate(PROMPT, options(2, 9)).reason());
                seen.add(Thread.currentThread().isInterrupted());
              });
      waiting.interrupt();
      assertThat(waiting.join(Duration.ofSeconds(20))).isTrue();
      assertThat(seen).containsExactly(FinishReason.CANCELLED, true);
      assertThat(holder.stream().mapToInt(GeneratedToken::id).toArray())
          .isEqualTo(alone(PROMPT, options(1, 9)));
    }
  }

  @Test
  void generate_exceptionInOneThread_reachesItsCallerOnly() throws Exception {
    TokenText text =
        new TokenText() {
          @Override
          public int vocabSize() {
            return VOCAB;
          }

          @Override
          public byte[] bytesOf(int tokenId) {
            if (Thread.currentThread().getName().equals("unlucky")) {
              throw new UnsupportedOperationException("no text for " + tokenId);
            }
            return new byte[] {(byte) ('A' + tokenId)};
          }
        };
    try (BatchGenerator generator = BatchGenerator.open(model, text, 2);
        TokenStream other = generator.stream(PROMPT, options(1, 6))) {
      int first = other.next().id();
      for (int i = 0; i < 3; i++) {
        List<Throwable> thrown = new ArrayList<>();
        Thread unlucky =
            Thread.ofVirtual()
                .name("unlucky")
                .uncaughtExceptionHandler((thread, problem) -> thrown.add(problem))
                .start(() -> generator.generate(PROMPT, options(1, 3)));
        assertThat(unlucky.join(Duration.ofSeconds(20))).isTrue();
        assertThat(thrown).hasSize(1);
        assertThat(thrown.getFirst()).hasMessageContaining("no text for");
      }
      int[] rest = other.stream().mapToInt(GeneratedToken::id).toArray();
      int[] expected = alone(PROMPT, options(1, 6));
      assertThat(first).isEqualTo(expected[0]);
      assertThat(rest).isEqualTo(Arrays.copyOfRange(expected, 1, 6));
    }
  }

  @Test
  void stream_fromState_continuesACopyOfIt() {
    try (BatchGenerator generator = BatchGenerator.open(model, 2);
        InferenceState state = model.newState()) {
      state.prefill(PROMPT);
      int[] next = {7, 8};
      int[] expected;
      try (InferenceState fork = state.fork()) {
        expected = Generator.of(model).generate(fork, next, options(1, 5)).ids();
      }
      try (TokenStream tokens = generator.stream(state, next, options(1, 5))) {
        assertThat(tokens.stream().mapToInt(GeneratedToken::id).toArray()).isEqualTo(expected);
      }
      assertThat(state.position()).isEqualTo(3);
    }
  }

  @Test
  void publish_cancelled_freesThePlace() throws InterruptedException {
    try (BatchGenerator generator = BatchGenerator.open(model, 1)) {
      GeneratorTest.Recorder recorder = new GeneratorTest.Recorder();
      generator.publish(PROMPT, options(2, 1_000_000)).subscribe(recorder);
      recorder.subscription().request(2);
      int[] expected = alone(PROMPT, options(2, 2));
      assertThat(new int[] {recorder.take(), recorder.take()}).isEqualTo(expected);
      recorder.cancel();
      assertThat(generator.generate(PROMPT, options(2, 2)).ids()).isEqualTo(expected);
      assertThat(recorder.done.getCount()).isEqualTo(1);
    }
  }

  @Test
  void close_withSequencesUnderWay_endsThemAll() throws Exception {
    BatchGenerator generator = BatchGenerator.open(model, 1);
    TokenStream running = generator.stream(PROMPT, options(1, 1_000_000));
    assertThat(running.hasNext()).isTrue();
    GeneratorTest.Recorder recorder = new GeneratorTest.Recorder();
    generator.publish(PROMPT, options(2, 5)).subscribe(recorder);
    recorder.subscription().request(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Generation> queued = threads.submit(() -> generator.generate(PROMPT, options(3, 5)));
      running.next();
      awaitThree(generator);
      generator.close();
      assertThat(queued.get(20, TimeUnit.SECONDS).reason()).isEqualTo(FinishReason.CANCELLED);
    }
    assertThat(running.hasNext()).isFalse();
    assertThat(recorder.done.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(recorder.problem).hasMessageContaining("the generator was closed");
    assertThatThrownBy(() -> generator.generate(PROMPT, options(1, 1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
    generator.close();
  }

  /** Waits until all three sequences of a test are known. */
  private static void awaitThree(BatchGenerator generator) throws InterruptedException {
    for (int i = 0; i < 2000 && generator.sequences() < 3; i++) {
      Thread.sleep(5);
    }
    assertThat(generator.sequences()).isEqualTo(3);
  }

  @Test
  void badCalls_areRefusedAtOnce() {
    try (BatchGenerator generator = BatchGenerator.open(model, 1);
        InferenceState two = model.newState(2)) {
      assertThatThrownBy(() -> generator.stream(new int[0], options(1, 1)))
          .hasMessageContaining("prompt is empty");
      assertThatThrownBy(() -> generator.stream(new int[] {1, 31}, options(1, 1)))
          .hasMessageContaining("token id 31 at index 1");
      assertThatThrownBy(() -> generator.stream(two, PROMPT, options(1, 1)))
          .hasMessageContaining("one sequence");
    }
    assertThatThrownBy(() -> BatchGenerator.open(model, 0))
        .hasMessageContaining("maxSessions must be positive");
  }

  @Test
  void generate_promptArrayChangedAfterwards_isWhatItWas() {
    int[] prompt = PROMPT.clone();
    try (BatchGenerator generator = BatchGenerator.open(model, 1);
        TokenStream tokens = generator.stream(prompt, options(1, 3))) {
      Arrays.fill(prompt, 0);
      assertThat(tokens.stream().mapToInt(GeneratedToken::id).toArray())
          .isEqualTo(alone(PROMPT, options(1, 3)));
    }
  }
}
