package io.github.mamba4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.mamba4j.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A configuration that asks for more than its file holds costs neither memory nor time. */
class OversizedConfigTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "mamba1-tiny, num_hidden_layers, 100000000",
    "mamba1-tiny, vocab_size, 98",
    "mamba2-tiny, vocab_size, 2000000000",
    "mamba1-tiny-statespaces, vocab_size, 2000000000",
    "mamba1-tiny, state_size, 2000000000",
    "mamba1-tiny, conv_kernel, 1000000000",
    "mamba1-tiny, time_step_rank, 1000000000",
    "mamba2-tiny, num_hidden_layers, 2000000000",
    "mamba2-tiny, state_size, 2000000000",
    "mamba2-tiny, conv_kernel, 1000000000",
    "mamba1-tiny-statespaces, n_layer, 2000000000"
  })
  void load_sizesBeyondTheFile_areRefusedAtOnce(String fixture, String key, long size)
      throws IOException {
    Path source = Path.of("src/test/resources/fixtures", fixture);
    for (String name : new String[] {"model.safetensors", "pytorch_model.bin"}) {
      if (Files.exists(source.resolve(name))) {
        Files.copy(source.resolve(name), folder.resolve(name));
      }
    }
    String config = Files.readString(source.resolve("config.json"));
    String changed = config.replaceFirst("\"" + key + "\": \\d+", "\"" + key + "\": " + size);
    assertThat(changed).isNotEqualTo(config);
    Files.writeString(folder.resolve("config.json"), changed);

    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () ->
            assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> MambaModel.load(folder))
                .withMessageStartingWith(folder.toString())
                .withMessageMatching(".*(tensor backbone|vocab_size is|must be below 2\\^31).*"));
  }
}
