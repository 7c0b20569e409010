package io.github.mamba4j.examples.lm;

import io.github.mamba4j.checkpoint.AtomicFiles;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON objects in files, written whole or not at all. */
final class JsonFiles {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private JsonFiles() {}

  static void write(Path file, Map<String, ?> content) throws IOException {
    AtomicFiles.writeString(file, MAPPER.writeValueAsString(content) + "\n");
  }

  static Map<String, Object> read(Path file) throws IOException {
    try {
      return MAPPER.readValue(Files.readString(file), new TypeReference<Map<String, Object>>() {});
    } catch (JacksonException e) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: is no JSON object (%s); it is damaged",
              file,
              e.getOriginalMessage()),
          e);
    }
  }
}
