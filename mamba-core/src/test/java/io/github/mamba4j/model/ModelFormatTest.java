package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.GgufType;
import io.github.mamba4j.checkpoint.GgufWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.checkpoint.TorchFile;
import io.github.mamba4j.contract.TestDevice;
import io.github.mamba4j.nn.Mamba2Mixer;
import io.github.mamba4j.nn.Mamba2Mixer.OutputNorm;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.tensor.Device;
import io.github.mamba4j.tensor.Scope;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One model through every layout and type, and back. */
class ModelFormatTest {
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
    MambaModelBuilder builder =
        MambaModel.builder()
            .architecture(kind)
            .dModel(32)
            .nLayers(2)
            .vocabSize(43)
            .dState(6)
            .seed(5)
            .device(device);
    return kind == Architecture.MAMBA1 ? builder : builder.headDim(16).nGroups(2);
  }

  private static void assertSameParameters(MambaModel actual, MambaModel expected, double error) {
    assertThat(actual.parameters().keySet()).isEqualTo(expected.parameters().keySet());
    for (Map.Entry<String, Tensor> entry : expected.parameters().entrySet()) {
      float[] values = actual.parameters().get(entry.getKey()).toFloats();
      float[] wanted = entry.getValue().toFloats();
      assertThat(values).as(entry.getKey()).hasSameSizeAs(wanted);
      float largest = 0;
      for (float value : wanted) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < wanted.length; i++) {
        double off = Math.abs(values[i] - wanted[i]);
        assertThat(off).as("%s[%d]", entry.getKey(), i).isLessThanOrEqualTo(error * largest);
      }
    }
  }

  private static float[] logits(MambaModel model) {
    try (Scope scope = model.openScope()) {
      return model.forward(model.ids(scope, Shape.of(1, 5), 1, 2, 3, 4, 5)).toFloats();
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void original_savedAndLoaded_keepsEveryBit(Architecture kind) throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(kind).build()) {
      model.save(folder, SaveOptions.original());
      try (MambaModel loaded = MambaModel.load(folder, device)) {
        assertThat(loaded.config()).isEqualTo(model.config());
        assertSameParameters(loaded, model, 0);
        assertThat(logits(loaded)).isEqualTo(logits(model));
      }
    }
  }

  @Test
  void original_tiedHead_sharesTheStorageOfTheEmbedding() throws IOException {
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      model.save(folder, SaveOptions.original());
    }
    try (TorchFile file = TorchFile.open(folder.resolve("pytorch_model.bin"))) {
      long head = file.require("lm_head.weight").bytes().address();
      long embedding = file.require("backbone.embedding.weight").bytes().address();
      assertThat(head).isEqualTo(embedding);
      assertThat(file.entries())
          .allSatisfy(entry -> assertThat(entry.bytes().address() % 64).isZero());
    }
    assertThat(Files.size(folder.resolve("pytorch_model.bin"))).isLessThan(100_000L);
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void gguf_savedAndLoaded_keepsAllButTheRoundingOfLogA(Architecture kind) throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = builder(kind).padVocabSizeMultiple(16).build()) {
      model.save(file, SaveOptions.gguf());
      try (MambaModel loaded = MambaModel.load(file, device)) {
        assertThat(loaded.config().vocabSize()).isEqualTo(43);
        assertThat(loaded.config().paddedVocabSize()).isEqualTo(48);
        assertSameParameters(loaded, model, 2e-7);
      }
    }
  }

  @Test
  void gguf_untiedHead_isKept() throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = builder(Architecture.MAMBA2).tieEmbeddings(false).build()) {
      model.save(file, SaveOptions.gguf());
      try (MambaModel loaded = MambaModel.load(file, device)) {
        assertThat(loaded.config().tieEmbeddings()).isFalse();
        assertSameParameters(loaded, model, 2e-7);
      }
    }
  }

  @Test
  void gguf_ownMetadata_isWritten() throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      SaveOptions options =
          SaveOptions.gguf().metadata(writer -> writer.put("general.name", GgufType.STRING, "日本語"));
      model.save(file, options);
    }
    try (GgufFile gguf = GgufFile.open(file)) {
      assertThat(gguf.keyValues().requireString("general.name")).isEqualTo("日本語");
      assertThat(gguf.keyValues().requireString("general.architecture")).isEqualTo("mamba");
      assertThat(gguf.require("blk.1.ssm_conv1d.weight").shape()).isEqualTo(List.of(64L, 4L));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16"})
  void narrowWeights_everyLayout_loseOnlyTheirPrecision(String name) throws IOException {
    StoredType type = StoredType.valueOf(name);
    double unit = type == StoredType.F16 ? 0x1p-11 : 0x1p-8;
    for (Architecture kind : Architecture.values()) {
      try (MambaModel model = builder(kind).build()) {
        for (SaveOptions options :
            List.of(SaveOptions.huggingFace(), SaveOptions.original(), SaveOptions.gguf())) {
          Path path = temp.resolve(kind.name() + options.layout() + ".gguf");
          model.save(path, options.weights(type));
          try (MambaModel loaded = MambaModel.load(path, device)) {
            assertSameParameters(loaded, model, unit);
            String small = "backbone.layers.0.mixer.A_log";
            float[] expected = model.parameters().get(small).toFloats();
            float[] actual = loaded.parameters().get(small).toFloats();
            for (int i = 0; i < expected.length; i++) {
              assertThat(Math.abs(actual[i] - expected[i])).isLessThan(1e-6f);
            }
          }
        }
      }
    }
  }

  @Test
  void q80_gguf_losesLessThanHalfAStepOfEachBlock() throws IOException {
    Path file = temp.resolve("model.gguf");
    try (MambaModel model = builder(Architecture.MAMBA2).build()) {
      model.save(file, SaveOptions.gguf().weights(StoredType.Q8_0));
      try (GgufFile gguf = GgufFile.open(file);
          MambaModel loaded = MambaModel.load(file, device)) {
        assertThat(gguf.require("blk.0.ssm_in.weight").type()).isEqualTo(StoredType.Q8_0);
        assertThat(gguf.require("blk.0.ssm_conv1d.weight").type()).isEqualTo(StoredType.F32);
        assertSameParameters(loaded, model, 0.51 / 127 + 0x1p-11);
      }
    }
  }

  @Test
  void save_whatALayoutCannotExpress_isRefusedAndWritesNothing() {
    Path path = temp.resolve("model");
    try (MambaModel zoh = builder(Architecture.MAMBA1).discretization(Discretization.ZOH).build();
        MambaModel whole = builder(Architecture.MAMBA2).outputNorm(OutputNorm.WHOLE).build()) {
      assertThatThrownBy(() -> zoh.save(path, SaveOptions.original()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("no discretization ZOH");
      assertThatThrownBy(() -> whole.save(path, SaveOptions.original()))
          .hasMessageContaining("normalises each of 2 groups");
      assertThatThrownBy(() -> whole.save(path, SaveOptions.gguf()))
          .hasMessageContaining("GGUF cannot express a norm over several groups together");
      assertThatThrownBy(() -> SaveOptions.original().weights(StoredType.Q8_0))
          .hasMessageContaining("weights cannot be Q8_0");
      assertThatThrownBy(() -> SaveOptions.huggingFace().metadata(_ -> {}))
          .hasMessageContaining("only GGUF");
    }
    assertThat(path).doesNotExist();
  }

  @Test
  void load_conventionsOfTheLayouts_differInTheOutputNorm() throws Exception {
    try (MambaModel hugging = MambaModel.load(MambaModelTest.fixture("mamba2-tiny"), device);
        MambaModel original =
            MambaModel.load(MambaModelTest.fixture("mamba2-tiny-statespaces"), device)) {
      assertThat(((Mamba2Mixer.Config) hugging.config().mixer()).outputNorm())
          .isEqualTo(OutputNorm.WHOLE);
      assertThat(((Mamba2Mixer.Config) original.config().mixer()).outputNorm())
          .isEqualTo(OutputNorm.GROUPS);
      assertSameParameters(original, hugging, 0);
    }
  }

  @Test
  void load_foreignOrIncompleteFiles_saysWhatIsWrong() throws IOException {
    Path file = temp.resolve("x.gguf");
    new GgufWriter().put("general.architecture", GgufType.STRING, "llama").write(file);
    assertThatThrownBy(() -> MambaModel.load(file, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("general.architecture is llama, expected mamba or mamba2");
    Path folder = temp.resolve("model");
    try (MambaModel model = builder(Architecture.MAMBA1).build()) {
      model.save(folder, SaveOptions.original());
    }
    Path config = folder.resolve("config.json");
    String text = Files.readString(config);
    Files.writeString(config, text.replace("\"Mamba1\"", "\"Mamba7\""));
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("layer is 'Mamba7'");
    Files.delete(config);
    assertThatThrownBy(() -> MambaModel.load(folder, device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("config.json: does not exist")
        .hasMessageContaining("pytorch_model.bin");
    assertThatThrownBy(() -> MambaModel.load(temp.resolve("nothing"), device))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("does not exist");
  }
}
