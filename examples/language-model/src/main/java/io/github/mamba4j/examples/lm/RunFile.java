package io.github.mamba4j.examples.lm;

import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a checkpoint remembers of its run, beside what the library needs to go on: the options of
 * the command line, and facts for people.
 *
 * @param options option names with their values as text
 * @param facts where, when and on what the run was made
 */
record RunFile(Map<String, String> options, Map<String, Object> facts) {
  /** The name of the file, in the folder of a checkpoint. */
  static final String NAME = "run.json";

  private static final String FORMAT = "mamba4j-run";
  private static final int VERSION = 1;
  private static final String OPTIONS = "options";

  void write(Path folder) throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("format", FORMAT);
    json.put("version", VERSION);
    json.put(OPTIONS, options);
    json.putAll(facts);
    JsonFiles.write(folder.resolve(NAME), json);
  }

  static Optional<RunFile> readIfPresent(Path folder) throws IOException {
    return Files.exists(folder.resolve(NAME)) ? Optional.of(read(folder)) : Optional.empty();
  }

  static RunFile read(Path folder) throws IOException {
    Path file = folder.resolve(NAME);
    if (!Files.exists(file)) {
      throw new DataException(
          file + ": no such file; only a checkpoint that 'mamba train' wrote can be resumed");
    }
    Map<String, Object> json = JsonFiles.read(file);
    Object format = json.remove("format");
    Object version = json.remove("version");
    Object options = json.remove(OPTIONS);
    if (!FORMAT.equals(format)
        || !Integer.valueOf(VERSION).equals(version)
        || !(options instanceof Map<?, ?> map)) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: is %s version %s, expected %s version %d with options",
              file,
              format,
              version,
              FORMAT,
              VERSION));
    }
    Map<String, String> read = new LinkedHashMap<>();
    map.forEach((name, value) -> read.put(String.valueOf(name), String.valueOf(value)));
    return new RunFile(read, json);
  }

  /** Returns everything for people: facts first, without lists of files, then the options. */
  Map<String, Object> describe() {
    Map<String, Object> lines = new LinkedHashMap<>();
    flatten("", facts, lines);
    lines.putAll(options);
    return lines;
  }

  private static void flatten(String prefix, Map<?, ?> map, Map<String, Object> lines) {
    map.forEach((name, value) -> {
      if (value instanceof Map<?, ?> inner) {
        flatten(prefix + name + ".", inner, lines);
      } else if (!(value instanceof Collection<?>)) {
        lines.put(prefix + name, value);
      }
    });
  }
}
