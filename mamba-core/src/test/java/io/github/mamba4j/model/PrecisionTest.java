package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Models whose large matrices are kept as their file has them, or in fewer bits. */
class PrecisionTest {
  private static final int[] PROMPT = {1, 2, 42, 0, 7, 7};

  private static Device device;
  @TempDir Path temp;

  @BeforeAll
  static void open() {
    device = TestDevice.open(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static MambaModelBuilder builder(Architecture kind) {
    return builder(kind, 32);
  }

  private static MambaModelBuilder builder(Architecture kind, int dModel) {
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(dModel)
            .nLayers(1)
            .vocabSize(43)
            .dState(6)
            .initializerRange(0.5)
            .seed(5)
            .device(device);
    return kind == Architecture.MAMBA1 ? builder : builder.headDim(16).tieEmbeddings(false);
  }

  private static MambaModel load(Path path, Precision precision) throws IOException {
    return MambaModel.load(path, LoadOptions.defaults().precision(precision).device(device));
  }

  private static float[] logits(MambaModel model) {
    try (Scope scope = model.openScope()) {
      return model.forward(model.ids(scope, Shape.of(1, PROMPT.length), PROMPT)).toFloats();
    }
  }

  private static float[] logits(InferenceState state) {
    return state.logits().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static List<Integer> greedy(MambaModel model) {
    List<Integer> ids = new ArrayList<>();
    try (InferenceState state = model.newState()) {
      state.prefill(PROMPT);
      for (int i = 0; i < 4; i++) {
        float[] logits = logits(state);
        int best = 0;
        for (int j = 1; j < logits.length; j++) {
          best = logits[j] > logits[best] ? j : best;
        }
        ids.add(best);
        state.step(best);
      }
    }
    return ids;
  }

  private static void assertClose(float[] actual, float[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    double off = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      off = Math.max(off, Math.abs((double) actual[i] - expected[i]));
    }
    assertThat(largest).isGreaterThan(0.01);
    assertThat(off).isLessThanOrEqualTo(tolerance * largest);
  }

  private static Stream<Arguments> files() {
    List<SaveOptions> layouts =
        List.of(SaveOptions.huggingFace(), SaveOptions.original(), SaveOptions.gguf());
    List<Arguments> files = new ArrayList<>();
    for (Architecture kind : Architecture.values()) {
      for (SaveOptions layout : layouts) {
        for (StoredType type : List.of(StoredType.F32, StoredType.BF16, StoredType.F16)) {
          files.add(Arguments.of(kind, layout.weights(type)));
        }
      }
      files.add(Arguments.of(kind, SaveOptions.gguf().weights(StoredType.Q8_0)));
    }
    return files.stream();
  }

  @ParameterizedTest
  @MethodSource("files")
  void load_stored_mapsMatricesAndComputesLikeFloat32(Architecture kind, SaveOptions options)
      throws IOException {
    Path path = temp.resolve("model");
    try (MambaModel model = builder(kind).build()) {
      model.save(path, options);
    }
    try (MambaModel stored = MambaModel.load(path, device);
        MambaModel whole = load(path, Precision.F32)) {
      DType type = Precision.sameBytes(options.weights());
      stored
          .parameters()
          .forEach((name, tensor) -> {
            boolean matrix =
                name.matches("backbone.embeddings.weight|lm_head.weight|.*\\.(in|out)_proj.weight");
            boolean projection = name.matches(".*\\.(x|dt)_proj.weight");
            assertThat(tensor.isReadOnly()).as(name).isEqualTo(matrix || projection);
            assertThat(tensor.dtype()).as(name).isEqualTo(matrix ? type : DType.F32);
            assertThat(tensor.requiresGrad()).as(name).isEqualTo(tensor.dtype() == DType.F32);
            Tensor widened = whole.parameters().get(name);
            assertThat(widened.dtype()).isEqualTo(DType.F32);
            assertThat(widened.isReadOnly()).isFalse();
            assertThat(tensor.toFloats()).as(name).isEqualTo(widened.toFloats());
          });
      assertThat(whole.isTrainable()).isTrue();
      assertThat(stored.isTrainable()).isFalse();
      assertClose(logits(stored), logits(whole), 1e-5);
      assertThat(greedy(stored)).isEqualTo(greedy(whole));
      assertThat(stored.summary()).contains("weights " + type + " mapped from the file ");
      assertThat(whole.summary()).contains("weights F32 in memory ").doesNotContain("mapped");
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void load_inFewerBits_equalsAFileOfThatType(Architecture kind) throws IOException {
    Path whole = temp.resolve("whole.gguf");
    try (MambaModel model = builder(kind).build()) {
      model.save(whole, SaveOptions.gguf());
      for (Precision precision : List.of(Precision.BF16, Precision.F16, Precision.INT8)) {
        Path narrow = temp.resolve(precision + ".gguf");
        StoredType type = Precision.stored(DType.valueOf(precision.name()));
        model.save(narrow, SaveOptions.gguf().weights(type));
        try (MambaModel converted = load(whole, precision);
            MambaModel again = load(narrow, precision);
            MambaModel stored = load(narrow, Precision.STORED)) {
          assertThat(converted.fingerprint())
              .isEqualTo(stored.fingerprint())
              .isEqualTo(again.fingerprint())
              .isNotEqualTo(model.fingerprint());
          assertThat(logits(converted)).isEqualTo(logits(stored));
          assertThat(greedy(converted)).isEqualTo(greedy(stored));
          Tensor matrix = converted.parameters().get("backbone.layers.0.mixer.in_proj.weight");
          assertThat(matrix.isReadOnly()).isFalse();
          assertThat(again.parameters().get("backbone.layers.0.mixer.in_proj.weight").isReadOnly())
              .isTrue();
          assertThat(converted.describeWeights()).startsWith(precision + " in memory ");
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void withPrecision_model_equalsLoadingItsFile(Precision precision) throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      model.save(folder);
      try (MambaModel copy = model.withPrecision(precision);
          MambaModel loaded = load(folder, precision)) {
        assertThat(copy.fingerprint()).isEqualTo(loaded.fingerprint());
        assertThat(logits(copy)).isEqualTo(logits(loaded));
        boolean float32 = precision == Precision.F32 || precision == Precision.STORED;
        assertThat(copy.isTrainable()).isEqualTo(float32);
        try (MambaModel stored = loaded.withPrecision(Precision.STORED);
            MambaModel widened = copy.withPrecision(Precision.F32)) {
          assertThat(stored.fingerprint()).isEqualTo(loaded.fingerprint());
          assertThat(widened.isTrainable()).isTrue();
          assertThat(logits(widened)).hasSameSizeAs(logits(copy));
        }
      }
      assertThat(logits(model)).isNotEmpty();
    }
  }

  @Test
  void load_int8OfRowsThatAreNoBlocks_keepsThemFloat32AndSaysSo() throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(Architecture.MAMBA1, 48).build()) {
      model.save(folder);
    }
    try (MambaModel model = load(folder, Precision.INT8)) {
      Map<String, Tensor> parameters = model.parameters();
      assertThat(parameters.get("backbone.embeddings.weight").dtype()).isEqualTo(DType.F32);
      assertThat(parameters.get("backbone.layers.0.mixer.in_proj.weight").dtype())
          .isEqualTo(DType.F32);
      assertThat(parameters.get("backbone.layers.0.mixer.out_proj.weight").dtype())
          .isEqualTo(DType.INT8);
      assertThat(model.summary())
          .contains("; 2 matrices whose rows are no multiple of 32 stay F32");
    }
  }

  /** As checkpoints are published in 16 bits: every tensor, the way to Δ too. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16", "F16"})
  void load_wholeFileIn16Bits_keepsTheWayToTheStepAsItIs(Precision half) throws IOException {
    Path file = temp.resolve("model.safetensors");
    DType type = DType.valueOf(half.name());
    StoredType stored = Precision.stored(type);
    Path folder = ModelFiles.with(file, stored, stored);
    List<String> projections =
        List.of("backbone.layers.0.mixer.x_proj.weight", "backbone.layers.0.mixer.dt_proj.weight");
    try (MambaModel whole = load(folder, Precision.F32);
        MambaModel mapped = load(folder, Precision.STORED);
        MambaModel blocks = load(folder, Precision.INT8);
        MambaModel copy = whole.withPrecision(half)) {
      for (String name : projections) {
        assertThat(mapped.parameters().get(name).dtype()).isEqualTo(type);
        assertThat(mapped.parameters().get(name).isReadOnly()).isTrue();
        assertThat(blocks.parameters().get(name).dtype()).isEqualTo(type);
        assertThat(copy.parameters().get(name).dtype()).isEqualTo(DType.F32);
        assertThat(mapped.parameters().get(name).toFloats())
            .isEqualTo(whole.parameters().get(name).toFloats());
      }
      assertClose(logits(mapped), logits(whole), 1e-5);
      assertThat(greedy(mapped)).isEqualTo(greedy(whole));
    }
  }

  @Test
  void load_typesWithoutKernels_areWidenedInMemory() throws IOException {
    Path file = temp.resolve("model.safetensors");
    Path narrow = ModelFiles.withMatricesAs(file, StoredType.F64);
    try (MambaModel model = load(narrow, Precision.STORED)) {
      model
          .parameters()
          .forEach((name, tensor) -> {
            assertThat(tensor.dtype()).isEqualTo(DType.F32);
            boolean mapped = CheckpointLayout.kind(name) == CheckpointLayout.Kind.PROJECTION;
            assertThat(tensor.isReadOnly()).as(name).isEqualTo(mapped);
          });
      assertThat(logits(model)).isNotEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void prefillAndSteps_anyPrecision_agree(Precision precision) {
    for (Architecture kind : Architecture.values()) {
      try (MambaModel model = builder(kind).build();
          MambaModel copy = model.withPrecision(precision);
          InferenceState stepped = copy.newState();
          InferenceState prefilled = copy.newState()) {
        prefilled.prefill(PROMPT);
        for (int token : PROMPT) {
          stepped.step(token);
        }
        assertClose(logits(prefilled), logits(stepped), 1e-5);
        float[] all = logits(copy);
        float[] last = new float[43];
        System.arraycopy(all, all.length - all.length / PROMPT.length, last, 0, 43);
        assertClose(last, logits(stepped), 1e-5);
      }
    }
  }

  @Test
  void save_reducedModel_keepsItsBytesOrWidensThem() throws IOException {
    Path eight = temp.resolve("eight.gguf");
    Path again = temp.resolve("again.gguf");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      model.save(eight, SaveOptions.gguf().weights(StoredType.Q8_0));
    }
    // A foreign writer's blocks: the largest integer is not 127, so that blocks made again differ.
    ModelFiles.halveFirstBlock(eight, "token_embd.weight");
    try (MambaModel stored = load(eight, Precision.STORED)) {
      stored.save(again, SaveOptions.gguf().weights(StoredType.Q8_0));
      Path folder = temp.resolve("whole");
      stored.save(folder);
      try (MambaModel same = load(again, Precision.STORED);
          MambaModel whole = load(folder, Precision.F32)) {
        for (Map.Entry<String, Tensor> entry : stored.parameters().entrySet()) {
          String name = entry.getKey();
          if (!name.endsWith("A_log")) {
            assertThat(bytes(same.parameters().get(name))).isEqualTo(bytes(entry.getValue()));
          }
          assertThat(whole.parameters().get(name).toFloats())
              .isEqualTo(entry.getValue().toFloats());
        }
      }
    }
  }

  private static byte[] bytes(Tensor tensor) {
    byte[] bytes = new byte[Math.toIntExact(tensor.dtype().bytes(tensor.shape().elements()))];
    tensor.read(MemorySegment.ofArray(bytes));
    return bytes;
  }

  @Test
  void backward_reducedWeights_reachesWhatIsFloat32() throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      model.save(folder, SaveOptions.huggingFace().weights(StoredType.BF16));
    }
    try (MambaModel stored = load(folder, Precision.STORED);
        MambaModel whole = load(folder, Precision.F32)) {
      for (MambaModel model : List.of(stored, whole)) {
        try (Scope scope = model.openGradientScope()) {
          Shape shape = Shape.of(1, PROMPT.length);
          int[] targets = ModelVerifier.shifted(PROMPT, PROMPT.length);
          model.loss(model.ids(scope, shape, PROMPT), scope.ints(shape, targets)).mean().backward();
        }
      }
      for (Map.Entry<String, Tensor> entry : stored.parameters().entrySet()) {
        Tensor tensor = entry.getValue();
        if (tensor.dtype() == DType.F32) {
          Tensor expected = whole.parameters().get(entry.getKey()).grad().orElseThrow();
          float[] actual = tensor.grad().orElseThrow().toFloats();
          float[] wanted = expected.toFloats();
          double largest = 0;
          for (float value : wanted) {
            largest = Math.max(largest, Math.abs(value));
          }
          for (int i = 0; i < wanted.length; i++) {
            assertThat(Math.abs(actual[i] - wanted[i]))
                .as(entry.getKey())
                .isLessThanOrEqualTo((float) (1e-4 * largest));
          }
        } else {
          assertThat(tensor.grad()).isEmpty();
        }
      }
    }
  }

  @Test
  void compare_gradientOfReducedWeights_saysHowToLoadTheModel() throws Exception {
    Path fixture = MambaModelTest.fixture("mamba1-tiny");
    Path expected = fixture.resolve("expected.safetensors");
    try (MambaModel model = load(fixture, Precision.BF16)) {
      assertThatThrownBy(() -> ModelVerifier.compare(model, expected))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("keeps backbone.")
          .hasMessageContaining("as BF16, which has no gradient")
          .hasMessageEndingWith("load it with LoadOptions.defaults().precision(Precision.F32)");
    }
  }
}
