package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.GgufFile;
import io.github.mamba4j.checkpoint.SafetensorsFile;
import io.github.mamba4j.checkpoint.SafetensorsWriter;
import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.checkpoint.TensorEntry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Model files that no writer of ours makes. */
final class ModelFiles {
  private ModelFiles() {}

  /** Copies a fixture with its matrices stored in another type; returns its folder. */
  static Path withMatricesAs(Path weights, StoredType type) throws IOException {
    return with(weights, type, StoredType.F32);
  }

  /** Copies a fixture with its matrices and the rest stored in other types; returns its folder. */
  static Path with(Path weights, StoredType matrices, StoredType others) throws IOException {
    Path source = fixture("mamba1-tiny");
    Path folder = weights.toAbsolutePath().getParent();
    try (SafetensorsFile file = SafetensorsFile.open(source.resolve("model.safetensors"));
        Arena arena = Arena.ofConfined()) {
      SafetensorsWriter writer = new SafetensorsWriter();
      for (TensorEntry entry : file.entries()) {
        MemorySegment floats = arena.allocate(entry.elementCount() * Float.BYTES, Float.BYTES);
        entry.copyTo(floats);
        boolean matrix = CheckpointLayout.kind(entry.name()) == CheckpointLayout.Kind.MATRIX;
        writer.addFloats(entry.name(), matrix ? matrices : others, entry.shape(), floats);
      }
      writer.write(weights);
    }
    Files.copy(source.resolve("config.json"), folder.resolve("config.json"));
    return folder;
  }

  /** Copies a fixture and makes an embedding table of many rows of it, all zero and in no block. */
  static Path sparse(Path folder, int rows) throws IOException {
    Path source = fixture("mamba1-tiny");
    StringBuilder header = new StringBuilder("{");
    long at = 0;
    try (SafetensorsFile file = SafetensorsFile.open(source.resolve("model.safetensors"))) {
      for (TensorEntry entry : file.entries()) {
        boolean table = entry.name().endsWith("embeddings.weight");
        long bytes = table ? rows * 32L * Float.BYTES : entry.bytes().byteSize();
        String shape = table ? "[" + rows + ",32]" : entry.shape().toString();
        header
            .append(at == 0 ? "" : ",")
            .append('"')
            .append(entry.name())
            .append("\":{\"dtype\":\"F32\",\"shape\":")
            .append(shape)
            .append(",\"data_offsets\":[")
            .append(at)
            .append(',')
            .append(at + bytes)
            .append("]}");
        at += bytes;
      }
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile file =
        new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
      file.writeLong(Long.reverseBytes(json.length));
      file.write(json);
      file.setLength(Long.BYTES + json.length + at);
    }
    String config = Files.readString(source.resolve("config.json"));
    Files.writeString(
        folder.resolve("config.json"),
        config.replace("\"vocab_size\": 97", "\"vocab_size\": " + rows));
    return folder;
  }

  /** Halves the integers of a tensor's first Q8_0 block. */
  static void halveFirstBlock(Path gguf, String tensor) throws IOException {
    change(
        gguf,
        tensor,
        bytes -> {
          for (int i = Short.BYTES; i < 34; i++) {
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (bytes.get(ValueLayout.JAVA_BYTE, i) / 2));
          }
        });
  }

  /** What is done to bytes of a tensor. */
  @FunctionalInterface
  interface Change {
    void apply(MemorySegment bytes);
  }

  /** Changes the first bytes, at most 64, of a tensor in a GGUF file. */
  static void change(Path gguf, String tensor, Change change) throws IOException {
    byte[] content = Files.readAllBytes(gguf);
    MemorySegment memory = MemorySegment.ofArray(content);
    try (GgufFile file = GgufFile.open(gguf)) {
      MemorySegment bytes = file.require(tensor).bytes().asSlice(0, 64);
      for (long at = 0; at + 64 <= content.length; at++) {
        if (memory.asSlice(at, 64).mismatch(bytes) < 0) {
          change.apply(memory.asSlice(at, 64));
          break;
        }
      }
    }
    Files.write(gguf, content);
  }

  static Path fixture(String name) {
    try {
      return MambaModelTest.fixture(name);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
