package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointFormatTest {

  @TempDir Path folder = Path.of("");

  private Path copy(String fixture, String name) throws IOException {
    return Files.copy(Fixtures.path(fixture), folder.resolve(name));
  }

  private void assertRefused(Path path, String message) {
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> CheckpointFile.open(path).close())
        .satisfies(e -> assertThat(e.getMessage()).startsWith(path + ": ").contains(message));
  }

  @Test
  void of_file_goesByContentNotByName() throws IOException {
    Path safetensors = copy("mamba1-tiny/model.safetensors", "a.bin");
    Path torch = copy("mamba1-tiny-statespaces/pytorch_model.bin", "b.safetensors");
    Path gguf = folder.resolve("c.json");
    new GgufWriter().write(gguf);
    Path index = Files.writeString(folder.resolve("d.gguf"), "\n {\"weight_map\":{}}");
    Path empty = folder.resolve("e");
    new SafetensorsWriter().withoutMetadata().write(empty);

    assertThat(CheckpointFormat.of(safetensors)).isEqualTo(CheckpointFormat.SAFETENSORS);
    assertThat(CheckpointFormat.of(torch)).isEqualTo(CheckpointFormat.TORCH);
    assertThat(CheckpointFormat.of(gguf)).isEqualTo(CheckpointFormat.GGUF);
    assertThat(CheckpointFormat.of(index)).isEqualTo(CheckpointFormat.SHARDED);
    assertThat(CheckpointFormat.of(empty)).isEqualTo(CheckpointFormat.SAFETENSORS);
    for (Path file : List.of(safetensors, torch, gguf, index, empty)) {
      try (CheckpointFile open = CheckpointFile.open(file)) {
        assertThat(open.format()).isEqualTo(CheckpointFormat.of(file));
        assertThat(open.path()).isEqualTo(file);
      }
    }
  }

  @Test
  void of_folder_findsTheCustomaryFile() throws IOException {
    assertRefused(folder, "holds no checkpoint, expected one of [model.safetensors, ");
    Files.writeString(folder.resolve("config.json"), "{}");
    new GgufWriter().write(folder.resolve("any.gguf"));
    assertThat(CheckpointFormat.of(folder)).isEqualTo(CheckpointFormat.GGUF);
    copy("mamba1-tiny/model.safetensors", "other.safetensors");
    assertRefused(folder, "holds several, as any.gguf");
    copy("mamba1-tiny-statespaces/pytorch_model.bin", "pytorch_model.bin");
    assertThat(CheckpointFormat.of(folder)).isEqualTo(CheckpointFormat.TORCH);
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{\"weight_map\":{}}");
    assertThat(CheckpointFormat.of(folder)).isEqualTo(CheckpointFormat.SHARDED);
    copy("mamba1-tiny/model.safetensors", "model.safetensors");
    assertThat(CheckpointFormat.of(folder)).isEqualTo(CheckpointFormat.SAFETENSORS);
    assertThat(CheckpointFormat.of(Fixtures.path("mamba2-tiny-statespaces")))
        .isEqualTo(CheckpointFormat.TORCH);
  }

  @Test
  void of_anythingElse_isRefused() throws IOException {
    assertRefused(
        folder.resolve("missing"), "does not exist, expected a checkpoint file or folder");
    Path file = folder.resolve("x");
    for (String content : List.of("", "hello", "GGU", "[1]", "PK", "   ")) {
      Files.write(file, content.getBytes(StandardCharsets.UTF_8));
      assertRefused(file, "is of no known format");
    }
    Files.write(file, HexFormat.of().parseHex("80028a0a6cfc9c46f9206aa850192e8002"));
    assertRefused(file, "is a torch.save file from before version 1.6, expected its zip form");
  }
}
