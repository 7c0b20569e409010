package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.internal.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The files of tokenizers: our own small form for bytes and characters, Hugging Face's for BPE. */
final class TokenizerFiles {

  private static final String FORMAT = "mamba4j-tokenizer";
  private static final int VERSION = 1;

  private TokenizerFiles() {}

  /** Writes our own form: format, version, type, and what {@code fields} adds. */
  static void write(Path file, String type, Consumer<JsonGenerator> fields) throws IOException {
    write(
        file,
        json -> {
          json.writeStartObject();
          json.writeStringProperty("format", FORMAT);
          json.writeNumberProperty("version", VERSION);
          json.writeStringProperty("type", type);
          fields.accept(json);
          json.writeEndObject();
        });
  }

  /** Writes one JSON value beside the file and moves it there. */
  static void write(Path file, Consumer<JsonGenerator> value) throws IOException {
    try (AtomicFile target = new AtomicFile(file)) {
      JsonFactory factory = JsonFactory.builder().build();
      try (BufferedWriter writer = Files.newBufferedWriter(target.temporary());
          JsonGenerator json = factory.createGenerator(ObjectWriteContext.empty(), writer)) {
        value.accept(json);
      } catch (JacksonException e) {
        throw new DataException(file + ": cannot be written (" + e.getOriginalMessage() + ")", e);
      }
      target.commit();
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
        root.allowOnly(List.of("format", "version", "type"));
        yield new ByteTokenizer();
      }
      case "char" -> {
        root.allowOnly(List.of("format", "version", "type", "characters"));
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
