package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A made-up file that a reader may refuse in one line or read to the end; whatever else happens is
 * a finding.
 */
final class FuzzedFile {

  /** Opens a checkpoint of one format. */
  interface Opener {
    CheckpointFile open(Path path) throws IOException;
  }

  /** Reads a checkpoint of one format from memory, which is faster than from a file. */
  interface Reader {
    CheckpointFile read(Path path, MemorySegment bytes, Arena arena) throws IOException;
  }

  private final Path path;

  FuzzedFile(String name) {
    try {
      path = Files.createTempDirectory("fuzz").resolve(name);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  void open(byte[] bytes, Opener opener) throws IOException {
    Files.write(path, bytes);
    try (CheckpointFile file = opener.open(path)) {
      readAll(file);
    } catch (CheckpointException refused) {
      requireOneLine(refused);
    }
  }

  void read(byte[] bytes, Reader reader) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
      readAll(reader.read(path, memory.asReadOnly(), arena));
    } catch (CheckpointException refused) {
      requireOneLine(refused);
    }
  }

  private static void readAll(CheckpointFile file) throws CheckpointException {
    for (TensorEntry entry : file.entries()) {
      readValues(entry);
    }
    file.metadata();
    if (file instanceof GgufFile gguf) {
      readValues(gguf.keyValues());
    }
  }

  private static void readValues(TensorEntry entry) throws CheckpointException {
    if (entry.type().isFloating()) {
      entry.toFloatArray();
    } else {
      entry.toLongArray();
    }
  }

  private static void readValues(GgufMetadata values) {
    for (String key : values.keys()) {
      try {
        values.require(key);
      } catch (CheckpointException refused) {
        requireOneLine(refused);
      }
    }
  }

  static void requireOneLine(CheckpointException refused) {
    String message = String.valueOf(refused.getMessage());
    if (message.length() > 1000 || message.indexOf('\n') >= 0) {
      throw new IllegalStateException("not one short line: " + message, refused);
    }
  }
}
