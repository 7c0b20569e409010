package io.github.mamba4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is no file at all, or one that is made to cost memory or time: each ends at once in one
 * line. The large files are sparse and take no room on the disk.
 */
class HostileFileTest {

  private static final Duration AT_ONCE = Duration.ofSeconds(20);

  @TempDir Path folder = Path.of("");

  /** Something that opens a path. */
  private interface Reader {
    Object open(Path path) throws IOException;
  }

  private static final List<Reader> READERS =
      List.of(
          Json::read,
          CheckpointFile::open,
          SafetensorsFile::open,
          ShardedFile::open,
          TorchFile::open,
          GgufFile::open);

  private static void assertRefused(Reader reader, Path path, String part) {
    assertTimeoutPreemptively(
        AT_ONCE,
        () ->
            assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> reader.open(path))
                .satisfies(e ->
                    assertThat(e.getMessage())
                        .startsWith(path.toString())
                        .contains(part)
                        .doesNotContain("\n")));
  }

  private Path sparse(String name, long bytes, String head) throws IOException {
    Path path = folder.resolve(name);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(bytes);
      file.write(head.getBytes(StandardCharsets.US_ASCII));
    }
    return path;
  }

  @Test
  void open_folderEmptyFileOrNothing_isRefusedByEveryReader() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty"));
    Path inner = Files.createDirectory(folder.resolve("inner"));
    Path nothing = folder.resolve("nothing");
    for (Reader reader : READERS) {
      assertRefused(reader, empty, ": ");
      assertRefused(reader, inner, ": ");
      assertRefused(reader, nothing, "does not exist, expected");
    }
    assertRefused(Json::read, inner, "is no regular file, expected a JSON file");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there are no named pipes in folders")
  void open_pipe_isRefusedWithoutWaiting() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    for (Reader reader : READERS) {
      assertRefused(reader, pipe, "is no regular file, expected");
    }
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a privilege there")
  void open_link_isFollowedAndALoopRefused() throws IOException {
    Path json = Files.writeString(folder.resolve("a.json"), "[1]");
    Path link = Files.createSymbolicLink(folder.resolve("link"), json);
    Path loop = Files.createSymbolicLink(folder.resolve("loop"), folder.resolve("loop"));
    assertThat(Json.read(link)).isEqualTo(List.of(1L));
    for (Reader reader : READERS) {
      assertRefused(reader, loop, "does not exist, expected");
    }
  }

  @Test
  void readJson_tenGigabytes_areRefusedUnread() throws IOException {
    Path garbage = sparse("garbage.json", 10_000_000_000L, "{\"a\":");
    String message = "has 10000000000 bytes, expected a JSON file of at most 536870912";
    assertRefused(Json::read, garbage, message);
    assertRefused(ShardedFile::open, garbage, message);
    assertRefused(CheckpointFile::open, garbage, message);
  }

  @Test
  void readJson_valuesOrStringsWithoutEnd_areLimited() throws IOException {
    Path values = folder.resolve("values.json");
    Files.writeString(values, "[" + "0,".repeat(5_000_000) + "0]");
    assertRefused(Json::read, values, "has more than 5000000 values");
    Path text = folder.resolve("text.json");
    Files.writeString(text, "[\"" + "x".repeat(17_000_000) + "\"]");
    assertRefused(Json::read, text, "not JSON");
    Files.writeString(text, "{\"" + "x".repeat(17_000_000) + "\":1}");
    assertRefused(Json::read, text, "not JSON");
  }

  @Test
  void openTorch_directoryOfHundredMegabytes_isRefusedUnread() throws IOException {
    Path path = sparse("model.bin", 100_000_022, "PK\3\4");
    ByteBuffer end = ByteBuffer.allocate(22).order(ByteOrder.LITTLE_ENDIAN);
    end.putInt(0x06054b50).putInt(0).putShort((short) 7).putShort((short) 7);
    end.putInt(100_000_000).putInt(0).putShort((short) 0);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(100_000_000);
      file.write(end.array());
    }
    assertRefused(TorchFile::open, path, "ZIP directory has 100000000 bytes, expected at most");
  }

  @Test
  void openGguf_keysOfHundredMegabytes_areRefused() throws IOException {
    int keyBytes = 0xffff;
    int count = 100_000_000 / keyBytes + 1;
    long each = 8L + keyBytes + 4 + 1;
    Path path = sparse("model.gguf", 24 + count * each, "GGUF");
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      ByteBuffer head = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
      file.seek(4);
      file.write(head.putInt(3).putLong(0).putLong(count).array());
      for (int i = 0; i < count; i++) {
        ByteBuffer key = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        file.seek(24 + i * each);
        // the rest of the key is zeros, and so is the type, a UINT8
        key.putLong(keyBytes).put(Integer.toString(10_000 + i).getBytes(StandardCharsets.US_ASCII));
        file.write(key.array());
      }
    }
    assertRefused(GgufFile::open, path, "keys and names have more than 100000000 bytes together");
  }

  @Test
  void openGguf_arrayBeyondAnyVocabulary_isRefusedWhenAsked() throws IOException {
    long strings = 1L << 24;
    long bytes = strings * 17;
    Path path = sparse("model.gguf", 24 + 8 + 1 + 4 + 4 + 8 + bytes, "GGUF");
    ByteBuffer head = ByteBuffer.allocate(45).order(ByteOrder.LITTLE_ENDIAN);
    head.putInt(3).putLong(0).putLong(1).putLong(1).put((byte) 'a').putInt(9).putInt(0);
    head.putLong(bytes);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(4);
      file.write(head.array());
    }
    try (GgufFile file = GgufFile.open(path)) {
      assertThatExceptionOfType(CheckpointException.class)
          .isThrownBy(() -> file.keyValues().requireLongs("a"))
          .withMessageContaining("metadata a has");
    }
  }
}
