package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.Host;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.checkpoint.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What has been measured so far, in {@code results.json} and {@code results.md}. */
final class Results {
  private final Path folder;
  private final Map<String, Object> json = new LinkedHashMap<>();
  private final List<Object> cells = new ArrayList<>();

  /**
   * Starts empty.
   *
   * @param folder where to write
   * @param arguments what was asked for
   */
  Results(Path folder, List<String> arguments) throws IOException {
    this.folder = folder;
    json.put("date", LocalDate.now(ZoneOffset.UTC).toString());
    json.put("processor", Host.processor());
    json.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    json.put(
        "jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    json.put("arguments", arguments);
    json.put("cells", cells);
  }

  /** Adds a cell and writes all. */
  void add(String work, Map<String, Object> cell) {
    Map<String, Object> named = new LinkedHashMap<>();
    named.put("work", work);
    named.putAll(cell);
    cells.add(named);
    try {
      Files.createDirectories(folder);
      Json.write(folder.resolve("results.json"), json);
      Files.writeString(folder.resolve("results.md"), table());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the tables. */
  String table() throws IOException {
    return ResultTable.of(JsonObject.of("results", Json.parse("results", Json.format(json))));
  }
}
