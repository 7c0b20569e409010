package io.github.mamba4j.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mamba4j.bench.PublishedModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeerOptionsTest {
  private static final List<String> WORKS = List.of("matmul", "scan");

  @Test
  void parse_ofNothing_givesDefaults() {
    PeerOptions options = PeerOptions.parse(WORKS);
    assertThat(options.works()).isEqualTo(WORKS);
    assertThat(options.models()).containsExactly(PublishedModel.values());
    assertThat(options.threads()).containsExactly(1, 2);
    assertThat(options.rounds()).isEqualTo(7);
    assertThat(options.warmUpSeconds()).isEmpty();
    assertThat(options.files()).isEqualTo(Path.of("target", "peers", "files"));
  }

  @Test
  void parse_ofArguments_takesThem() {
    PeerOptions options =
        PeerOptions.parse(
            WORKS, "--works", "scan", "--out", "results", "--warm-up", "3", "--variants", "no");
    assertThat(options.works()).containsExactly("scan");
    assertThat(options.warmUpSeconds()).hasValue(3);
    assertThat(options.variants()).isFalse();
    assertThat(options.files()).isEqualTo(Path.of("results", "files"));
  }

  @ParameterizedTest
  @CsvSource({
    "--works, decode, 'matmul,scan'",
    "--models, 1b, '130m,370m'",
    "--weights, q4_0, 'f32,bf16,f16,q8_0'",
    "--threads, 0, a positive number",
    "--steady, 101, a percentage",
    "--variants, maybe, yes",
    "--clock, sun, cpu",
    "--speed, 1, --works matmul"
  })
  void parse_ofWrongValue_saysWhatIsExpected(String name, String value, String expected) {
    assertThatThrownBy(() -> PeerOptions.parse(WORKS, name, value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(expected)
        .message()
        .doesNotContain("\n");
  }

  @Test
  void parse_ofNameWithoutValue_saysSo() {
    assertThatThrownBy(() -> PeerOptions.parse(WORKS, "--rounds"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("--rounds without a value");
  }
}
