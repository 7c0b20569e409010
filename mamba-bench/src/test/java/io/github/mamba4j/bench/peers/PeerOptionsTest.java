package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.bench.PublishedModel;
import io.github.mamba4j.checkpoint.StoredType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeerOptionsTest {
  @Test
  void parse_ofNothing_givesDefaults() {
    PeerOptions options = PeerOptions.parse();
    assertThat(options.models()).containsExactly(PublishedModel.values());
    assertThat(options.threads()).containsExactly(1, 2);
    assertThat(options.rounds()).isEqualTo(7);
    assertThat(options.files()).isEqualTo(Path.of("target", "peers", "models"));
  }

  @Test
  void cell_ofOptions_isReadAsOneCell() {
    PeerOptions options = PeerOptions.parse("--java-api", "no", "--out", "results");
    PeerOptions cell =
        PeerOptions.parse(
            options
                .cell(PublishedModel.MAMBA_370M, StoredType.Q8_0, 2, Path.of("cell.json"))
                .toArray(new String[0]));
    assertThat(cell.models()).containsExactly(PublishedModel.MAMBA_370M);
    assertThat(cell.weights()).containsExactly(StoredType.Q8_0);
    assertThat(cell.threads()).containsExactly(2);
    assertThat(cell.javaApi()).isFalse();
    assertThat(cell.files()).isEqualTo(Path.of("results", "models"));
    assertThat(cell.out()).isEqualTo(Path.of("cell.json"));
  }

  @ParameterizedTest
  @CsvSource({
    "--models, 1b, 130m or 370m",
    "--weights, q4_0, 'f32, bf16, f16 or q8_0'",
    "--threads, 0, a positive number",
    "--java-api, maybe, yes or no",
    "--speed, 1, --models 130m"
  })
  void parse_ofWrongValue_saysWhatIsExpected(String name, String value, String expected) {
    assertThatThrownBy(() -> PeerOptions.parse(name, value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(expected);
  }
}
