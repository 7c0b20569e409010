package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.nn.Mamba1Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.oracle.GoldenVectors;
import io.github.mamba4j.oracle.ReferenceMamba1;
import io.github.mamba4j.oracle.ReferenceScan;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import io.github.mamba4j.tensor.TensorAssert;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models against golden vectors, a reference implementation's files and float64. */
@Tag("kernels")
class MambaModelTest {
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

  private static MambaModelBuilder tiny() {
    return MambaModel.builder()
        .dModel(4)
        .nLayers(2)
        .vocabSize(8)
        .dState(3)
        .dtRank(1)
        .device(device);
  }

  private static void set(Tensor parameter, double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    parameter.write(MemorySegment.ofArray(floats));
  }

  @Test
  void languageModel_goldenT7_givesLogitsLossAndGradients() {
    try (MambaModel model = tiny().build();
        Scope scope = model.openGradientScope()) {
      Map<String, double[]> golden = GoldenVectors.t7Parameters();
      assertThat(model.parameters().keySet()).isEqualTo(golden.keySet());
      golden.forEach((name, values) -> set(model.parameters().get(name), values));
      int[] tokens = GoldenVectors.t7Tokens();
      Tensor ids = model.ids(scope, Shape.of(1, 6), tokens);
      float[] last = model.forward(ids).select(-1).toFloats();
      TensorAssert.assertClose("logits", last, GoldenVectors.t7LastLogits(), 1e-5);
      Tensor targets = scope.ints(Shape.of(1, 6), ModelVerifier.shifted(tokens, 6));
      Tensor loss = model.loss(ids, targets).mean();
      assertThat((double) loss.item()).isCloseTo(GoldenVectors.T7_LOSS, within(1e-6));
      loss.backward();
      GoldenVectors.t7Gradients()
          .forEach((key, expected) -> {
            String[] parts = key.split(" ", 2);
            float[] grad = model.parameters().get(parts[0]).grad().orElseThrow().toFloats();
            double actual = grad[Integer.parseInt(parts[1])];
            assertThat(actual)
                .as(key)
                .isCloseTo(expected, within(1e-6 + 1e-4 * Math.abs(expected)));
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mamba1-tiny", "mamba1-untied-bias", "mamba2-tiny", "mamba2-one-group"})
  void load_referenceFixture_givesItsNumbers(String name) throws Exception {
    Path folder = fixture(name);
    try (MambaModel model = MambaModel.load(folder, device)) {
      List<ModelVerifier.Difference> differences =
          ModelVerifier.compare(model, folder.resolve("expected.safetensors"));
      assertThat(differences).hasSizeGreaterThan(20);
      for (ModelVerifier.Difference difference : differences) {
        double tolerance = difference.name().startsWith("grad.") ? 1e-4 : 1e-5;
        assertThat(difference.maxRelative()).as(difference.name()).isLessThanOrEqualTo(tolerance);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mamba1-tiny-statespaces", "mamba2-tiny-statespaces"})
  void load_originalLayout_givesItsLogits(String name) throws Exception {
    Path folder = fixture(name);
    try (MambaModel model = MambaModel.load(folder, device)) {
      List<ModelVerifier.Difference> differences =
          ModelVerifier.compare(model, folder.resolve("expected.safetensors"));
      assertThat(differences).extracting(ModelVerifier.Difference::name).contains("logits");
      for (ModelVerifier.Difference difference : differences) {
        assertThat(difference.maxRelative()).as(difference.name()).isLessThanOrEqualTo(1e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Discretization.class)
  void forward_bothDiscretisations_matchFloat64(Discretization rule) {
    try (MambaModel model = tiny().discretization(rule).seed(3).build();
        Scope scope = model.openScope()) {
      int[] ids = {1, 2, 3, 4, 5, 6, 7, 0, 1, 1, 2, 7};
      ReferenceMamba1.Config config =
          new ReferenceMamba1.Config(4, 2, 8, 3, 4, 2, 1, ReferenceScan.Rule.valueOf(rule.name()));
      Map<String, double[]> parameters = new LinkedHashMap<>();
      model.parameters().forEach((key, tensor) -> parameters.put(key, doubles(tensor.toFloats())));
      double[] expected = ReferenceMamba1.model(config, parameters, 2, ids, null).out();
      float[] actual = model.forward(model.ids(scope, Shape.of(2, 6), ids)).toFloats();
      TensorAssert.assertClose("logits", actual, expected, 1e-5);
    }
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  static Stream<MambaModelBuilder> unusualModels() {
    MambaModelBuilder first =
        MambaModel.builder()
            .tieEmbeddings(false)
            .bias(true)
            .dConv(3)
            .discretization(Discretization.ZOH);
    MambaModelBuilder second =
        MambaModel.builder()
            .architecture(Architecture.MAMBA2)
            .headDim(4)
            .nGroups(2)
            .chunkSize(16)
            .dState(5)
            .dtLimit(0.01, Double.POSITIVE_INFINITY)
            .aInitRange(1, 4)
            .dPerChannel(true)
            .outputNorm(OutputNorm.GROUPS)
            .normBeforeGate(true);
    MambaModelBuilder third =
        MambaModel.builder()
            .architecture(Architecture.MAMBA2)
            .headDim(24)
            .dState(3)
            .tieEmbeddings(false)
            .dtLimit(0, 2)
            .outputNorm(OutputNorm.NONE);
    return Stream.of(first, second, third);
  }

  @ParameterizedTest
  @MethodSource("unusualModels")
  void saveAndLoad_ownModel_keepsConfigAndEveryBit(MambaModelBuilder builder) throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model =
        builder.dModel(12).nLayers(2).vocabSize(13).seed(7).device(device).build()) {
      model.save(folder);
      try (MambaModel loaded = MambaModel.load(folder, device)) {
        assertThat(loaded.config()).isEqualTo(model.config());
        assertThat(loaded.parameters().keySet()).isEqualTo(model.parameters().keySet());
        model
            .parameters()
            .forEach((name, tensor) ->
                assertThat(loaded.parameters().get(name).toFloats())
                    .as(name)
                    .isEqualTo(tensor.toFloats()));
        assertThat(loaded.fingerprint()).isEqualTo(model.fingerprint());
      }
    }
  }

  @Test
  void load_missingTensor_namesIt() throws Exception {
    Path folder = temp.resolve("broken");
    Files.createDirectories(folder);
    Path source = fixture("mamba1-tiny");
    Files.copy(source.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    String config = Files.readString(source.resolve("config.json"));
    Files.writeString(
        folder.resolve("config.json"),
        config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("model.safetensors")
        .hasMessageContaining("backbone.layers.2.norm.weight")
        .hasMessageContaining("missing");
  }

  @Test
  void load_otherShape_namesTensorFoundAndExpected() throws Exception {
    Path folder = temp.resolve("shape");
    Files.createDirectories(folder);
    Path source = fixture("mamba1-tiny");
    Files.copy(source.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    String config = Files.readString(source.resolve("config.json"));
    Files.writeString(
        folder.resolve("config.json"), config.replace("\"state_size\": 8", "\"state_size\": 9"));
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("x_proj.weight")
        .hasMessageContaining("18, 64")
        .hasMessageContaining("20, 64");
  }

  @Test
  void build_publishedShape130m_hasPublishedParameterCount() {
    MambaConfig config = MambaModel.builder().dModel(768).nLayers(24).config();
    assertThat(config.paddedVocabSize()).isEqualTo(50280);
    assertThat(((Mamba1Mixer.Config) config.mixer()).dtRank()).isEqualTo(48);
    long dInner = config.dInner();
    long layer =
        2 * dInner * 768
            + dInner * 5
            + (48 + 2 * 16) * dInner
            + dInner * 49
            + dInner * 16
            + dInner
            + 768 * dInner;
    assertThat(24 * (layer + 768) + 50280L * 768 + 768).isEqualTo(129_135_360L);
  }

  @Test
  void build_publishedShape130mMamba2_hasPublishedParameterCount() {
    try (MambaModel model =
        MambaModel.builder()
            .architecture(Architecture.MAMBA2)
            .dModel(768)
            .nLayers(1)
            .vocabSize(8)
            .device(device)
            .build()) {
      long layer = model.parameterCount() - 768 - 8 * 768;
      assertThat(24 * layer + 50288 * 768 + 768).isEqualTo(128_989_632L);
    }
  }

  @Test
  void build_settingOfTheOtherArchitecture_isRefusedByName() {
    assertThatThrownBy(() -> MambaModel.builder().headDim(32).nGroups(2).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("headDim, nGroups do not belong to Mamba-1");
    assertThatThrownBy(
            () -> MambaModel.builder().architecture(Architecture.MAMBA2).dtRank(3).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("dtRank does not belong to Mamba-2");
    assertThatThrownBy(
            () -> MambaModel.builder().architecture(Architecture.MAMBA2).dModel(40).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("headDim must divide dInner, got 64 and 80");
  }

  @Test
  void build_sameSeed_givesSameParametersAndOtherSeedOthers() {
    try (MambaModel one = tiny().seed(5).build();
        MambaModel two = tiny().seed(5).build();
        MambaModel three = tiny().seed(6).build()) {
      assertThat(one.fingerprint()).isEqualTo(two.fingerprint());
      assertThat(one.fingerprint()).isNotEqualTo(three.fingerprint());
      assertThat(one.parameterCount()).isEqualTo(tinyCount());
    }
  }

  private static long tinyCount() {
    return GoldenVectors.t7Parameters().values().stream().mapToLong(v -> v.length).sum();
  }

  @Test
  void builder_nonsense_isRefusedAtOnceInWords() {
    assertThatThrownBy(() -> MambaModel.builder().dModel(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("MambaModel: dModel must be positive, got 0");
    assertThatThrownBy(() -> MambaModel.builder().dState(4).dState(4))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("MambaModel: dState was set before");
    assertThatThrownBy(() -> MambaModel.builder().dtMin(0.5).dtMax(0.1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("dtMin must not be above dtMax, got 0.5 and 0.1");
    assertThatThrownBy(() -> MambaModel.builder().device(device).threads(2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("threads");
    assertThatThrownBy(() -> MambaModel.builder().normEps(Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("normEps must be positive and finite, got NaN");
  }

  @Test
  void ids_unknownToken_isRefusedWithItsPlace() {
    try (MambaModel model = tiny().build();
        Scope scope = model.openScope()) {
      assertThatThrownBy(() -> model.ids(scope, Shape.of(1, 3), 1, 8, 2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("token id 8 at index 1 does not exist, expected one in [0, 8)");
    }
  }

  @Test
  void forward_laterToken_neverChangesEarlierLogits() {
    try (MambaModel model = tiny().seed(1).build();
        Scope scope = model.openScope()) {
      float[] one = model.forward(model.ids(scope, Shape.of(1, 5), 1, 2, 3, 4, 5)).toFloats();
      float[] two = model.forward(model.ids(scope, Shape.of(1, 5), 1, 2, 3, 4, 7)).toFloats();
      assertThat(Arrays.copyOf(one, 32)).isEqualTo(Arrays.copyOf(two, 32));
      assertThat(one).isNotEqualTo(two);
    }
  }

  @Test
  void summary_model_tellsShapeParametersAndDevice() {
    try (MambaModel model = tiny().build()) {
      assertThat(model.summary())
          .contains("2 layers", "dModel 4", "dInner 8", "tied", "parameters")
          .contains(device.describe());
    }
  }

  static Path fixture(String name) throws URISyntaxException {
    return Path.of(MambaModelTest.class.getResource("/fixtures/" + name + "/config.json").toURI())
        .getParent();
  }
}
