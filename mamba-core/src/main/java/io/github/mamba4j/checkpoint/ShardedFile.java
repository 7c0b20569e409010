package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;

/**
 * A checkpoint over several files: {@code model.safetensors.index.json} with a {@code weight_map}
 * from tensor to file name; {@code pytorch_model.bin.index.json} with PyTorch shards too.
 *
 * <p>The shards lie beside the index under plain names. All are opened and checked at once; the
 * tensors of the shards and of the map must be the same.
 */
public final class ShardedFile extends CheckpointFile {

  private static final int MAX_SHARDS = 10_000;
  private static final int MAX_STRING_CHARS = 10_000;
  private static final String MAP_KEY = "weight_map";

  private final List<CheckpointFile> shards;

  private ShardedFile(Path path, List<CheckpointFile> shards, Map<String, TensorEntry> entries) {
    super(path, CheckpointFormat.SHARDED, Arena.ofAuto(), entries);
    this.shards = shards;
  }

  /**
   * Opens an index and every shard that it names.
   *
   * @param path the index, a JSON file
   * @return the open checkpoint, to be closed by the caller
   * @throws CheckpointException if the index or a shard is missing or damaged, or they disagree
   *     about their tensors
   * @throws IOException if reading or mapping fails
   */
  public static ShardedFile open(Path path) throws IOException {
    requireRegularFile(path, "a shard index");
    Json.requireReadable(path);
    Map<String, String> fileOfTensor = readMap(path);
    List<CheckpointFile> shards = new ArrayList<>();
    boolean complete = false;
    try {
      Map<String, TensorEntry> entries = new LinkedHashMap<>();
      for (String name : new LinkedHashSet<>(fileOfTensor.values())) {
        CheckpointFile shard = openShard(path, name);
        shards.add(shard);
        collect(path, name, shard, fileOfTensor, entries);
      }
      for (Map.Entry<String, String> expected : fileOfTensor.entrySet()) {
        if (!entries.containsKey(expected.getKey())) {
          throw CheckpointException.of(
              path.toString(),
              "tensor %s is missing in %s, where %s places it",
              CheckpointException.printable(expected.getKey()),
              expected.getValue(),
              MAP_KEY);
        }
      }
      complete = true;
      return new ShardedFile(path, shards, entries);
    } finally {
      if (!complete) {
        closeAll(shards);
      }
    }
  }

  private static CheckpointFile openShard(Path index, String name) throws IOException {
    Path file = index.resolveSibling(name);
    CheckpointFormat.Located found = CheckpointFormat.locate(file);
    return switch (found.format()) {
      case SAFETENSORS -> SafetensorsFile.open(file);
      case TORCH -> TorchFile.open(file);
      default ->
          throw CheckpointException.of(
              index.toString(),
              "shard %s is of format %s, expected SAFETENSORS or TORCH",
              name,
              found.format());
    };
  }

  private static void collect(
      Path index,
      String name,
      CheckpointFile shard,
      Map<String, String> fileOfTensor,
      Map<String, TensorEntry> entries)
      throws CheckpointException {
    for (TensorEntry entry : shard.entries()) {
      String expected = fileOfTensor.get(entry.name());
      if (!name.equals(expected)) {
        throw CheckpointException.of(
            index.toString(),
            "tensor %s lies in %s, but %s places it in %s",
            CheckpointException.printable(entry.name()),
            name,
            MAP_KEY,
            expected == null ? "no file" : expected);
      }
      entries.put(entry.name(), entry);
    }
  }

  private static Map<String, String> readMap(Path path) throws IOException {
    StreamReadConstraints limits =
        StreamReadConstraints.builder()
            .maxNestingDepth(Json.MAX_DEPTH)
            .maxNameLength(MAX_STRING_CHARS)
            .maxStringLength(MAX_STRING_CHARS)
            .build();
    try (InputStream in = Files.newInputStream(path);
        JsonParser parser = Json.open(Json.utf8Reader(in), limits)) {
      return new Index(path.toString(), parser).read();
    } catch (JacksonException e) {
      throw Json.failure(path.toString(), e);
    }
  }

  /** The index read token by token, so that a hostile one never becomes a tree in memory. */
  private record Index(String source, JsonParser parser) {

    Map<String, String> read() throws CheckpointException {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw CheckpointException.of(source, "is no JSON object, expected a shard index");
      }
      Map<String, String> map = null;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        boolean wanted = parser.currentName().equals(MAP_KEY);
        parser.nextToken();
        if (!wanted) {
          parser.skipChildren();
        } else if (map != null) {
          throw CheckpointException.of(source, "has two members %s, expected one", MAP_KEY);
        } else {
          map = readPairs();
        }
      }
      if (map == null) {
        throw CheckpointException.of(
            source, "has no %s, expected one from tensor to file name", MAP_KEY);
      }
      return map;
    }

    private Map<String, String> readPairs() throws CheckpointException {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw CheckpointException.of(source, "%s is no object, expected text pairs", MAP_KEY);
      }
      Map<String, String> shards = new HashMap<>();
      Map<String, String> map = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String tensor = parser.currentName();
        String shown = CheckpointException.printable(tensor);
        if (parser.nextToken() != JsonToken.VALUE_STRING) {
          throw CheckpointException.of(source, "tensor %s has no file name as its value", shown);
        }
        String file = parser.getString();
        requirePlainName(shown, file);
        shards.putIfAbsent(file, file);
        if (map.put(tensor, String.valueOf(shards.get(file))) != null) {
          throw CheckpointException.of(source, "tensor %s is placed twice", shown);
        }
        if (map.size() > MAX_TENSORS || shards.size() > MAX_SHARDS) {
          throw CheckpointException.of(
              source, "has more than %d tensors or %d shards", MAX_TENSORS, MAX_SHARDS);
        }
      }
      return map;
    }

    /** A name that leads elsewhere could read any file of the user. */
    private void requirePlainName(String tensor, String file) throws CheckpointException {
      boolean plain = !file.isBlank() && !file.startsWith(".") && file.length() <= 255;
      for (int i = 0; i < file.length(); i++) {
        char c = file.charAt(i);
        plain &= c > ' ' && c < 0x7f && "/\\:*?\"<>|".indexOf(c) < 0;
      }
      if (!plain) {
        throw CheckpointException.of(
            source,
            "tensor %s is placed in %s, expected a plain file name beside the index",
            tensor,
            CheckpointException.printable(file));
      }
    }
  }

  /**
   * The text pairs of all shards; where they differ, the first shard's.
   *
   * @return an unmodifiable map
   */
  @Override
  public Map<String, String> metadata() {
    Map<String, String> all = new LinkedHashMap<>();
    for (CheckpointFile shard : shards) {
      shard.metadata().forEach(all::putIfAbsent);
    }
    return Collections.unmodifiableMap(all);
  }

  /**
   * How many files the tensors lie in.
   *
   * @return the number of shards
   */
  public int shardCount() {
    return shards.size();
  }

  @Override
  public void close() {
    closeAll(shards);
  }

  private static void closeAll(List<CheckpointFile> shards) {
    for (CheckpointFile shard : shards) {
      shard.close();
    }
  }
}
