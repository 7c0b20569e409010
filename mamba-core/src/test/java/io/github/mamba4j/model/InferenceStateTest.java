package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.tensor.TensorAssert;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading tokens one by one, at once, in pieces, from copies and from files gives the same. */
@Tag("kernels")
@ParameterizedClass
@EnumSource(Architecture.class)
class InferenceStateTest {
  private static final double TOLERANCE = 2e-5;
  private static Device device;
  private static MambaModel model;
  @Parameter private Architecture architecture;
  @TempDir Path temp;

  @BeforeParameterizedClassInvocation
  static void open(Architecture kind) {
    device = TestDevice.open(2);
    model = builder(kind).seed(11).build();
  }

  private static MambaModelBuilder builder(Architecture kind) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(24)
            .nLayers(3)
            .vocabSize(29)
            .dState(5)
            .device(device);
    return kind == Architecture.MAMBA1 ? builder : builder.headDim(8).nGroups(2).chunkSize(32);
  }

  @AfterParameterizedClassInvocation
  static void close() {
    model.close();
    device.close();
  }

  private static int[] tokens(int count) {
    return new Random(count).ints(count, 0, 29).toArray();
  }

  private static float[] logits(InferenceState state) {
    return state.logits().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static float[] fullForward(int[] tokens) {
    try (Scope scope = model.openScope()) {
      float[] padded =
          model.forward(model.ids(scope, Shape.of(1, tokens.length), tokens)).select(-1).toFloats();
      return Arrays.copyOf(padded, 29);
    }
  }

  private static void assertClose(String what, float[] actual, float[] expected) {
    double[] doubles = new double[expected.length];
    Arrays.setAll(doubles, i -> expected[i]);
    TensorAssert.assertClose(what, actual, doubles, TOLERANCE);
  }

  @Test
  void rewind_afterSteps_isTheStateOfTheMarkToTheBit() {
    try (InferenceState state = model.newState(2);
        InferenceState straight = model.newState(2)) {
      for (InferenceState each : List.of(state, straight)) {
        each.prefill(new int[][] {{1, 2, 3}, {4}});
      }
      assertThatThrownBy(state::rewind)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("InferenceState: nothing to rewind to; call mark() before");
      state.mark();
      state.step(5, 6);
      state.mark();
      straight.step(5, 6);
      for (int i = 0; i < 2; i++) {
        state.step(7, 8);
        assertThat(logits(state)).isNotEqualTo(logits(straight));
        state.rewind();
        assertThat(logits(state)).isEqualTo(logits(straight));
        assertThat(state.position(0)).isEqualTo(4);
        assertThat(state.position(1)).isEqualTo(2);
      }
      for (InferenceState each : List.of(state, straight)) {
        each.step(9, 10);
      }
      assertThat(logits(state)).isEqualTo(logits(straight));
    }
  }

  @Test
  void stepOnDevice_chosenTokens_isAStepOfThem() {
    try (InferenceState state = model.newState(2);
        InferenceState straight = model.newState(2)) {
      for (int[] tokens : new int[][] {{1, 2}, {3, 4}, {28, 0}}) {
        straight.step(tokens);
        int[] chosen = {tokens[0], tokens[1], -1, -1};
        state.chosen().write(MemorySegment.ofArray(chosen));
        state.stepOnDevice();
        assertThat(logits(state)).isEqualTo(logits(straight));
        assertThat(state.position()).isEqualTo(straight.position());
      }
    }
  }

  /** A step keeps what it computes from parameters alone; it must notice when they change. */
  @Test
  void stepAndPrefill_afterParametersChanged_useTheNewOnes() {
    try (MambaModel changed = builder(architecture).seed(3).build();
        InferenceState state = changed.newState()) {
      for (boolean trained : new boolean[] {false, true}) {
        if (trained) {
          train(changed);
        }
        for (float factor : new float[] {1, 1.5f, 0.5f}) {
          scale(changed, factor);
          state.reset();
          state.prefill(new int[] {4, 7});
          state.step(9);
          try (Scope scope = changed.openScope()) {
            Tensor ids = changed.ids(scope, Shape.of(1, 3), new int[] {4, 7, 9});
            float[] expected = Arrays.copyOf(changed.forward(ids).select(-1).toFloats(), 29);
            assertClose("logits times " + factor, logits(state), expected);
          }
        }
      }
    }
  }

  private static void scale(MambaModel changed, float factor) {
    changed
        .parameters()
        .forEach((name, tensor) -> {
          if (name.endsWith("A_log") || name.endsWith("conv1d.weight")) {
            float[] values = tensor.toFloats();
            for (int i = 0; i < values.length; i++) {
              values[i] *= factor;
            }
            tensor.write(MemorySegment.ofArray(values));
          }
        });
  }

  /** From here on the parameters may change at any time, without a word to those who keep them. */
  private static void train(MambaModel changed) {
    try (Scope scope = changed.openGradientScope()) {
      Tensor ids = changed.ids(scope, Shape.of(1, 3), new int[] {1, 2, 3});
      changed.loss(ids, scope.ints(Shape.of(1, 3), 2, 3, 4)).mean().backward();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 17, 255, 256, 257, 600})
  void prefillStepsAndPieces_sameTokens_giveSameLogits(int length) {
    int[] tokens = tokens(length);
    float[] expected = fullForward(tokens);
    try (InferenceState whole = model.newState();
        InferenceState steps = model.newState();
        InferenceState pieces = model.newState()) {
      whole.prefill(tokens);
      assertClose("prefill", logits(whole), expected);
      for (int token : tokens) {
        steps.step(token);
      }
      assertClose("steps", logits(steps), expected);
      Random random = new Random(length);
      for (int at = 0; at < length; ) {
        int size = Math.min(length - at, 1 + random.nextInt(length));
        pieces.prefill(Arrays.copyOfRange(tokens, at, at + size));
        at += size;
      }
      assertClose("pieces", logits(pieces), expected);
      assertThat(whole.position()).isEqualTo(length);
      assertThat(steps.position()).isEqualTo(length);
      whole.step(3);
      steps.step(3);
      assertClose("a step after", logits(whole), logits(steps));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 6, 9, 20})
  void batch_differentRows_giveTheBitsThatEachGivesAlone(int length) {
    int[][] rows = {
      TinyModels.tokens(length, 1), TinyModels.tokens(length, 2), TinyModels.tokens(length, 3)
    };
    try (InferenceState batch = model.newState(3)) {
      batch.prefill(rows);
      batch.step(1, 2, 3);
      float[] together = logits(batch);
      for (int i = 0; i < 3; i++) {
        try (InferenceState alone = model.newState()) {
          alone.prefill(rows[i]);
          alone.step(i + 1);
          assertThat(Arrays.copyOfRange(together, i * 29, (i + 1) * 29))
              .as("row " + i)
              .isEqualTo(logits(alone));
        }
      }
    }
  }

  /** Lengths on both sides of what is read together, of a piece, and of 16 rows; an empty one. */
  @Test
  void prefill_rowsOfDifferentLengths_giveTheBitsThatEachGivesAlone() {
    int[] lengths = {9, 9, 9, 1, 1, 64, 64, 65, 20, 20, 256, 257, 320, 300, 3, 3, 3, 3, 2, 40};
    int[][] rows = new int[lengths.length][];
    int[] next = new int[lengths.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = TinyModels.tokens(lengths[i], i);
      next[i] = i;
    }
    try (InferenceState batch = model.newState(rows.length)) {
      batch.prefill(rows);
      batch.step(next);
      batch.step(next);
      float[][] together = TinyModels.logits(batch);
      for (int i = 0; i < rows.length; i++) {
        assertThat(batch.position(i)).isEqualTo(lengths[i] + 2);
        assertThat(together[i]).as("row " + i).isEqualTo(TinyModels.alone(model, rows[i], i, i));
      }
      assertThat(batch.position()).isEqualTo(322);
      try (InferenceState fork = batch.fork(12)) {
        assertThat(fork.position()).isEqualTo(322);
        fork.step(5);
        assertThat(logits(fork)).isEqualTo(TinyModels.alone(model, rows[12], 12, 12, 5));
      }
      assertThatThrownBy(() -> batch.fork(20)).hasMessageContaining("row must be in [0, 20)");
      assertThatThrownBy(() -> batch.position(-1)).hasMessageContaining("got -1");
    }
  }

  @Test
  void prefill_emptyRow_staysAsItIs() {
    try (InferenceState batch = model.newState(2)) {
      batch.prefill(new int[][] {{}, tokens(9)});
      assertThat(batch.position(0)).isZero();
      assertThat(batch.position()).isEqualTo(9);
      assertThatThrownBy(batch::logits).hasMessageContaining("for row 0");
      batch.prefill(new int[][] {tokens(4), {}});
      float[][] both = TinyModels.logits(batch);
      assertThat(both[0]).isEqualTo(TinyModels.alone(model, tokens(4)));
      assertThat(both[1]).isEqualTo(TinyModels.alone(model, tokens(9)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 256, 300})
  void prefill_tokensAsTheyCome_givesTheSameBits(int length) {
    try (InferenceState state = model.newState()) {
      state.step(1);
      state.prefill(Arrays.stream(tokens(length)).iterator());
      assertThat(state.position()).isEqualTo(length + 1);
      try (InferenceState whole = model.newState()) {
        whole.step(1);
        whole.prefill(tokens(length));
        assertThat(logits(state)).isEqualTo(logits(whole));
      }
    }
  }

  @Test
  void prefill_longText_takesNoMoreMemoryThanAShortOne() {
    try (InferenceState state = model.newState()) {
      int piece = state.pieceLength();
      state.prefill(tokens(piece + 44));
      long bytes = state.reservedBytes();
      state.prefill(new Random(3).ints(6L * piece + 44, 0, 29).iterator());
      assertThat(state.reservedBytes()).isEqualTo(bytes);
      assertThat(state.position()).isEqualTo(7L * piece + 88);
    }
  }

  @Test
  void prefill_unknownTokenAmongThoseThatCome_isRefused() {
    try (InferenceState state = model.newState()) {
      assertThatThrownBy(() -> state.prefill(Arrays.stream(new int[] {1, 2, 29}).iterator()))
          .hasMessageContaining("token id 29 at index 2");
      assertThat(state.position()).isZero();
    }
  }

  @Test
  void fork_copy_goesItsOwnWay() {
    try (InferenceState state = model.newState()) {
      state.prefill(tokens(20));
      try (InferenceState copy = state.fork()) {
        assertThat(logits(copy)).isEqualTo(logits(state));
        copy.step(4);
        state.step(5);
        state.step(6);
        assertThat(copy.position()).isEqualTo(21);
        try (InferenceState fresh = model.newState()) {
          fresh.prefill(tokens(20));
          fresh.step(4);
          assertThat(logits(copy)).isEqualTo(logits(fresh));
        }
      }
    }
  }

  @Test
  void saveAndLoad_state_continuesBitForBit() throws IOException {
    Path file = temp.resolve("state.safetensors");
    try (InferenceState state = model.newState(2)) {
      state.prefill(new int[][] {tokens(7), tokens(7)});
      state.save(file);
      try (InferenceState loaded = InferenceState.load(model, file)) {
        assertThat(loaded.position()).isEqualTo(7);
        assertThat(logits(loaded)).isEqualTo(logits(state));
        loaded.step(1, 2);
        state.step(1, 2);
        assertThat(logits(loaded)).isEqualTo(logits(state));
      }
    }
  }

  @Test
  void saveAndLoad_rowsOfDifferentLengths_continueBitForBit() throws IOException {
    Path file = temp.resolve("state.safetensors");
    try (InferenceState state = model.newState(3)) {
      state.prefill(new int[][] {tokens(7), tokens(70), {}});
      state.save(file);
      try (InferenceState loaded = InferenceState.load(model, file)) {
        assertThat(loaded.position(0)).isEqualTo(7);
        assertThat(loaded.position(1)).isEqualTo(70);
        assertThat(loaded.position(2)).isZero();
        loaded.step(1, 2, 3);
        state.step(1, 2, 3);
        assertThat(logits(loaded)).isEqualTo(logits(state));
      }
    }
  }

  @Test
  void load_otherVersionsAndFiles_areRefusedByName() throws IOException {
    Path file = temp.resolve("state.safetensors");
    assertRefused(file, writer("1", "7"), "is a state file of version 1, expected version 2");
    assertRefused(file, writer("2", "7,x"), "its positions are no numbers, found 7,x");
    assertRefused(file, writer("2", "-7"), "its positions must not be negative, found -7");
    assertRefused(file, writer("2", "7"), "logits");
    assertRefused(file, new SafetensorsWriter(), "is no Mamba4J state, its format is pt");
    float[] logits = new float[58];
    assertRefused(file, writer("2", "7").addFloats("logits", List.of(2L, 29L), logits), "[1, 29]");
  }

  private static SafetensorsWriter writer(String version, String positions) {
    return new SafetensorsWriter()
        .metadata("format", "mamba4j-state")
        .metadata("version", version)
        .metadata("model", model.fingerprint())
        .metadata("positions", positions);
  }

  private static void assertRefused(Path file, SafetensorsWriter writer, String words)
      throws IOException {
    writer.write(file);
    assertThatThrownBy(() -> InferenceState.load(model, file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(words);
  }

  @Test
  void load_afterAParameterChanged_isRefusedUntilItIsBack() throws IOException {
    Path file = temp.resolve("state.safetensors");
    try (MambaModel other = builder(architecture).seed(13).build();
        InferenceState state = other.newState()) {
      state.step(1);
      state.save(file);
      Tensor weight = other.parameters().lastEntry().getValue();
      float[] before = weight.toFloats();
      weight.fill(0.5f);
      assertThatThrownBy(() -> InferenceState.load(other, file))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("another model");
      weight.write(MemorySegment.ofArray(before));
      InferenceState.load(other, file).close();
      // Once there are gradients an optimiser may write: nothing is remembered any more.
      weight.zeroGrad();
      assertThat(weight.version()).isEmpty();
      InferenceState.load(other, file).close();
    }
  }

  @Test
  void load_stateOfAnotherModel_isRefused() throws IOException {
    Path file = temp.resolve("state.safetensors");
    try (InferenceState state = model.newState()) {
      state.step(1);
      state.save(file);
    }
    try (MambaModel other = builder(architecture).seed(12).build()) {
      assertThatThrownBy(() -> InferenceState.load(other, file))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("was saved from another model");
    }
    Files.write(file, new byte[] {1, 2, 3});
    assertThatThrownBy(() -> InferenceState.load(model, file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("state.safetensors");
  }

  @Test
  void reset_state_startsOver() {
    try (InferenceState state = model.newState();
        InferenceState fresh = model.newState()) {
      state.prefill(tokens(30));
      state.reset();
      assertThat(state.position()).isZero();
      assertThatThrownBy(state::logits).isInstanceOf(IllegalStateException.class);
      state.prefill(tokens(4));
      fresh.prefill(tokens(4));
      assertThat(logits(state)).isEqualTo(logits(fresh));
    }
  }

  @Test
  void badCalls_areRefusedAndChangeNothing() {
    try (InferenceState state = model.newState()) {
      state.prefill(tokens(5));
      float[] before = logits(state).clone();
      assertThatThrownBy(() -> state.step(29)).hasMessageContaining("token id 29 at index 0");
      assertThatThrownBy(() -> state.step(1, 2)).hasMessageContaining("got 2 tokens");
      assertThatThrownBy(() -> state.prefill(1, -1)).hasMessageContaining("token id -1 at index 1");
      assertThatThrownBy(() -> state.prefill(new int[][] {{1}, {2}}))
          .hasMessageContaining("got 2 rows");
      assertThat(state.position()).isEqualTo(5);
      assertThat(logits(state)).isEqualTo(before);
    }
    assertThatThrownBy(() -> model.newState(0)).hasMessageContaining("batch must be positive");
  }

  @Test
  void twoThreads_ownStates_giveWhatEachGivesAlone() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<float[]> one = threads.submit(() -> longRun(3));
      Future<float[]> two = threads.submit(() -> longRun(4));
      float[] first = one.get();
      float[] second = two.get();
      assertThat(first).isEqualTo(longRun(3));
      assertThat(second).isEqualTo(longRun(4));
    }
  }

  private static float[] longRun(int seed) {
    try (InferenceState state = model.newState()) {
      for (int token : new Random(seed).ints(200, 0, 29).toArray()) {
        state.step(token);
      }
      return logits(state);
    }
  }
}
