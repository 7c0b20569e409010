package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufArchitectureTest {

  @TempDir Path folder = Path.of("");

  @ParameterizedTest
  @CsvSource({"mamba1-tiny, MAMBA", "mamba2-tiny, MAMBA2"})
  void names_ofAWholeModel_goThereAndBack(String fixture, GgufArchitecture architecture)
      throws IOException {
    try (SafetensorsFile model =
        SafetensorsFile.open(Fixtures.path(fixture + "/model.safetensors"))) {
      Set<String> taken = new HashSet<>();
      for (TensorEntry entry : model.entries()) {
        String name = architecture.ggufName(entry.name());
        assertThat(name).as(entry.name()).isNotNull();
        assertThat(taken.add(name)).isTrue();
        assertThat(architecture.stateDictName(name)).isEqualTo(entry.name());
        long elements = 1;
        for (long size : architecture.ggufShape(entry.name(), entry.shape(), 2)) {
          elements *= size;
        }
        assertThat(elements).isEqualTo(entry.elementCount());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "MAMBA, backbone.embeddings.weight, token_embd.weight",
    "MAMBA, lm_head.weight, output.weight",
    "MAMBA, backbone.layers.12.mixer.A_log, blk.12.ssm_a",
    "MAMBA, backbone.layers.0.mixer.dt_proj.bias, blk.0.ssm_dt.bias",
    "MAMBA2, backbone.layers.0.mixer.dt_bias, blk.0.ssm_dt.bias",
    "MAMBA2, backbone.layers.3.mixer.norm.weight, blk.3.ssm_norm.weight",
    "MAMBA2, backbone.layers.3.norm.weight, blk.3.attn_norm.weight",
    "MAMBA2, backbone.norm_f.weight, output_norm.weight"
  })
  void names_single_areTheFormats(GgufArchitecture architecture, String stateDict, String gguf) {
    assertThat(architecture.ggufName(stateDict)).isEqualTo(gguf);
    assertThat(architecture.stateDictName(gguf)).isEqualTo(stateDict);
  }

  @Test
  void names_unknown_areNull() {
    assertThat(GgufArchitecture.MAMBA.ggufName("backbone.layers.0.mixer.norm.weight")).isNull();
    assertThat(GgufArchitecture.MAMBA2.ggufName("backbone.layers.0.mixer.x_proj.weight")).isNull();
    assertThat(GgufArchitecture.MAMBA2.stateDictName("blk.0.ssm_x.weight")).isNull();
    assertThat(GgufArchitecture.MAMBA.stateDictName("blk.0.attn_q.weight")).isNull();
    assertThat(GgufArchitecture.MAMBA.stateDictName("rope_freqs.weight")).isNull();
  }

  @Test
  void ggufShape_specialTensors_areReshaped() {
    String layer = "backbone.layers.0.mixer.";
    GgufArchitecture mamba2 = GgufArchitecture.MAMBA2;
    assertThat(mamba2.ggufShape(layer + "conv1d.weight", List.of(96L, 1L, 4L), 2))
        .containsExactly(96L, 4L);
    assertThat(mamba2.ggufShape(layer + "A_log", List.of(8L), 2)).containsExactly(8L, 1L);
    assertThat(mamba2.ggufShape(layer + "D", List.of(8L), 2)).containsExactly(8L, 1L);
    assertThat(mamba2.ggufShape(layer + "norm.weight", List.of(64L), 2)).containsExactly(2L, 32L);
    assertThat(GgufArchitecture.MAMBA.ggufShape(layer + "A_log", List.of(64L, 8L), 1))
        .containsExactly(64L, 8L);
    assertThat(GgufArchitecture.MAMBA.ggufShape("lm_head.weight", List.of(9L, 8L), 1))
        .containsExactly(9L, 8L);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> mamba2.ggufShape(layer + "conv1d.weight", List.of(96L, 2L, 4L), 2))
        .withMessageContaining("has shape [96, 2, 4], expected [channels, 1, dConv]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> mamba2.ggufShape(layer + "norm.weight", List.of(64L), 3));
  }

  @Test
  void keepsFloat32_onlyMatricesAreNarrowed() {
    assertThat(GgufArchitecture.keepsFloat32("blk.0.ssm_in.weight", List.of(4L, 2L))).isFalse();
    assertThat(GgufArchitecture.keepsFloat32("token_embd.weight", List.of(4L, 2L))).isFalse();
    assertThat(GgufArchitecture.keepsFloat32("blk.0.ssm_conv1d.weight", List.of(4L, 2L))).isTrue();
    assertThat(GgufArchitecture.keepsFloat32("blk.0.ssm_a", List.of(4L, 2L))).isTrue();
    assertThat(GgufArchitecture.keepsFloat32("blk.0.ssm_norm.weight", List.of(2L, 2L))).isTrue();
    assertThat(GgufArchitecture.keepsFloat32("blk.0.ssm_dt.bias", List.of(4L))).isTrue();
  }

  @Test
  void negativeExponential_thereAndBack_isTheValue() {
    assertThat(GgufArchitecture.isNegativeExponential("blk.7.ssm_a")).isTrue();
    assertThat(GgufArchitecture.isNegativeExponential("blk.7.ssm_d")).isFalse();
    assertThat(GgufArchitecture.toNegativeExponential(0)).isEqualTo(-1);
    for (float aLog = -5; aLog < 5; aLog += 0.37f) {
      float stored = GgufArchitecture.toNegativeExponential(aLog);
      assertThat(stored).isEqualTo((float) -StrictMath.exp(aLog), Offset.offset(1e-5f));
      assertThat(GgufArchitecture.fromNegativeExponential(stored))
          .isEqualTo(aLog, Offset.offset(1e-6f));
    }
  }

  @Test
  void of_declaredArchitecture_isKnownOrRefused() throws IOException {
    Path path = folder.resolve("m.gguf");
    for (String id : List.of("mamba", "mamba2", "llama")) {
      new GgufWriter().put("general.architecture", GgufType.STRING, id).write(path);
      try (GgufFile file = GgufFile.open(path)) {
        if (id.equals("llama")) {
          assertThatExceptionOfType(CheckpointException.class)
              .isThrownBy(() -> GgufArchitecture.of(file.keyValues()))
              .withMessage(
                  path + ": metadata general.architecture is llama, expected mamba or mamba2");
        } else {
          GgufArchitecture architecture = GgufArchitecture.of(file.keyValues());
          assertThat(architecture.id()).isEqualTo(id);
          assertThat(architecture.key(GgufArchitecture.STATE_SIZE))
              .isEqualTo(id + ".ssm.state_size");
        }
      }
    }
    Files.delete(path);
  }
}
