package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The files of tokenizers: our own small form for bytes and characters, Hugging Face's for BPE. */
final class TokenizerFiles {

  private static final String FORMAT = "mamba4j-tokenizer";
  private static final int VERSION = 1;

  private TokenizerFiles() {}

  /** Writes our own form: format, version, type, and more fields. */
  static void write(Path file, String type, Map<String, ?> fields) throws IOException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("format", FORMAT);
    json.put("version", VERSION);
    json.put("type", type);
    json.putAll(fields);
    write(file, json);
  }

  /** Writes one JSON value beside the file and moves it there. */
  static void write(Path file, Map<String, @Nullable Object> json) throws IOException {
    try {
      Json.write(file, json);
    } catch (IOException e) {
      throw DataException.cannotWrite(file, e);
    }
  }

  static Tokenizer load(Path file) throws IOException {
    JsonValue root = JsonValue.read(file);
    if (root.has("format")) {
      return loadOwn(root);
    }
    if (root.has("model")) {
      return HuggingFaceReader.read(root);
    }
    throw root.error("has neither \"format\" nor \"model\", expected a tokenizer file");
  }

  private static Tokenizer loadOwn(JsonValue root) throws DataException {
    root.get("format").expect(FORMAT);
    root.get("version").expect((long) VERSION);
    JsonValue type = root.get("type");
    return switch (type.string()) {
      case "byte" -> {
        root.allowOnly("format", "version", "type");
        yield new ByteTokenizer();
      }
      case "char" -> {
        root.allowOnly("format", "version", "type", "characters");
        yield new CharTokenizer(characters(root.get("characters")));
      }
      default -> throw type.error("is \"" + type.string() + "\", expected \"byte\" or \"char\"");
    };
  }

  private static int[] characters(JsonValue value) throws DataException {
    String text = value.string();
    int[] codePoints = text.codePoints().toArray();
    if (VocabularyTokenizer.unpairedSurrogate(text) >= 0) {
      throw value.error("has an unpaired surrogate, expected characters");
    }
    if (codePoints.length == 0 || text.codePoints().distinct().count() != codePoints.length) {
      throw value.error("is empty or names a character twice, expected distinct characters");
    }
    return codePoints;
  }
}
