package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedFileTest {

  @TempDir Path folder = Path.of("");

  private Path index = Path.of("");

  @BeforeEach
  void writeShards() throws IOException {
    index = folder.resolve("model.safetensors.index.json");
    new SafetensorsWriter()
        .addFloats("a", List.of(2L), new float[] {1, 2})
        .write(folder.resolve("one.safetensors"));
    new SafetensorsWriter()
        .addFloats("b", List.of(1L), new float[] {3})
        .addLongs("c", List.of(), new long[] {4})
        .metadata("step", "7")
        .write(folder.resolve("two.safetensors"));
  }

  private Path writeIndex(String json) throws IOException {
    return Files.writeString(index, json.replace('\'', '"'));
  }

  private void assertRefused(String json, String... parts) throws IOException {
    writeIndex(json);
    assertThatExceptionOfType(CheckpointException.class)
        .isThrownBy(() -> ShardedFile.open(index).close())
        .satisfies(e ->
            assertThat(e.getMessage())
                .startsWith(folder.toString())
                .contains(parts)
                .doesNotContain("\n"));
  }

  @Test
  void open_twoShards_areOneCheckpoint() throws IOException {
    writeIndex(
        "{'metadata':{'total_size':[1,{}]},'weight_map':"
            + "{'a':'one.safetensors','c':'two.safetensors','b':'two.safetensors'}}");
    ShardedFile file = ShardedFile.open(index);
    try (file) {
      assertThat(file.shardCount()).isEqualTo(2);
      assertThat(file.format()).isEqualTo(CheckpointFormat.SHARDED);
      assertThat(file.names()).containsExactlyInAnyOrder("a", "b", "c");
      assertThat(file.require("a").toFloatArray()).containsExactly(1, 2);
      assertThat(file.require("c").toIntArray()).containsExactly(4);
      assertThat(file.metadata()).containsOnly(Map.entry("format", "pt"), Map.entry("step", "7"));
    }
    assertThatIllegalStateException().isThrownBy(() -> file.require("a").toFloatArray());
  }

  @Test
  void open_splitFixture_holdsTheSameTensors() throws IOException {
    Map<String, String> map = new LinkedHashMap<>();
    try (SafetensorsFile whole =
        SafetensorsFile.open(Fixtures.path("mamba2-tiny/model.safetensors"))) {
      SafetensorsWriter[] shards = new SafetensorsWriter[3];
      for (int i = 0; i < shards.length; i++) {
        shards[i] = new SafetensorsWriter();
      }
      int next = 0;
      for (TensorEntry entry : whole.entries()) {
        int shard = next++ % shards.length;
        shards[shard].add(entry.name(), entry.type(), entry.shape(), entry.bytes());
        map.put(entry.name(), "model-%05d-of-00003.safetensors".formatted(shard + 1));
      }
      for (int i = 0; i < shards.length; i++) {
        shards[i].write(folder.resolve("model-%05d-of-00003.safetensors".formatted(i + 1)));
      }
      Json.write(index, Map.of("weight_map", map));

      try (CheckpointFile file = CheckpointFile.open(folder)) {
        assertThat(file.names()).containsExactlyInAnyOrderElementsOf(whole.names());
        for (TensorEntry entry : whole.entries()) {
          assertThat(file.require(entry.name()).bytes().mismatch(entry.bytes())).isEqualTo(-1);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'weight_map':{'a':'one.safetensors','b':'two.safetensors'}} | tensor c lies in"
            + " two.safetensors, but weight_map places it in no file",
        "{'weight_map':{'a':'two.safetensors','b':'two.safetensors','c':'two.safetensors'}} |"
            + " tensor a is missing in two.safetensors",
        "{'weight_map':{'a':'one.safetensors','x':'one.safetensors'}} | tensor x is missing in",
        "{'weight_map':{'a':'three.safetensors'}} | three.safetensors: does not exist",
        "{'weight_map':{'a':'model.safetensors.index.json'}} | is of format SHARDED, expected",
        "{'weight_map':{'a':'one.safetensors','a':'one.safetensors'}} | tensor a is placed twice",
        "{'weight_map':{'a':1}} | tensor a has no file name",
        "{'weight_map':[]} | weight_map is no object",
        "{'weight_map':{},'weight_map':{}} | has two members weight_map",
        "{'metadata':{}} | has no weight_map",
        "[] | is no JSON object",
        "{'weight_map':{ | not JSON",
      })
  void open_badIndex_saysWhatIsWrong(String json, String message) throws IOException {
    assertRefused(json, message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "/etc/passwd", "a/b", "", ".", "..", "a b", "C:x", "x\\\\y"})
  void open_shardElsewhere_isRefused(String name) throws IOException {
    assertRefused(
        "{'weight_map':{'a':'" + name + "'}}", "expected a plain file name beside the index");
  }

  @Test
  void open_hostileIndex_isRefusedEarly() throws IOException {
    assertRefused("{'x':" + "[".repeat(1_000_000), "not JSON");
    StringBuilder map = new StringBuilder("{'weight_map':{");
    for (int i = 0; i <= 100_000; i++) {
      map.append("'t").append(i).append("':'one.safetensors',");
    }
    assertRefused(map.toString(), "has more than 100000 tensors");
  }
}
