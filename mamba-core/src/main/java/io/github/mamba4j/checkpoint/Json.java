package io.github.mamba4j.checkpoint;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PushbackReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/**
 * JSON as plain Java values: objects are {@link LinkedHashMap}s in the file's order, arrays are
 * {@link List}s, numbers are {@link Long} or {@link Double}, and strings, booleans and null are
 * themselves.
 *
 * <p>Reading accepts what Python writes beyond the standard: bare {@code Infinity}, {@code
 * -Infinity} and {@code NaN}, and the same wrapped as <code>{"__float__": "Infinity"}</code>, which
 * becomes the {@link Double}. An integer beyond 64 bits becomes a {@link Double}. A byte order mark
 * is skipped. Refused are duplicate keys, bytes that are not UTF-8, text after the value, nesting
 * deeper than 100, and, so that a hostile file costs bounded memory, files of more than 512 MiB,
 * more than 5 million values, and strings of more than 16 million characters.
 *
 * <p>Writing is legal JSON: values that are not finite are wrapped as above. Keys keep the order of
 * sequenced and sorted maps; other maps are written in key order, so that equal input always gives
 * equal bytes.
 */
public final class Json {

  static final int MAX_DEPTH = 100;

  /** Ten times the largest vocabularies; configurations and indexes are far smaller. */
  static final long MAX_BYTES = 512L << 20;

  private static final int MAX_STRING_CHARS = 1 << 24;
  private static final int MAX_VALUES = 5_000_000;

  /** The key under which Python tools wrap a number that JSON cannot express. */
  static final String FLOAT_KEY = "__float__";

  private Json() {}

  /**
   * Reads a file.
   *
   * @param file the file, UTF-8
   * @return the value, null for JSON's null
   * @throws CheckpointException if the file is missing, no regular file, too large, or not one JSON
   *     value; with line and column
   * @throws IOException if the file cannot be read
   */
  public static @Nullable Object read(Path file) throws IOException {
    requireReadable(file);
    try (InputStream in = Files.newInputStream(file)) {
      return parse(file.toString(), in);
    } catch (NoSuchFileException e) {
      throw new CheckpointException(file + ": does not exist, expected a JSON file", e);
    }
  }

  /** Refuses what would block (a pipe), has no text (a folder), or has more than any JSON here. */
  static void requireReadable(Path file) throws IOException {
    CheckpointFile.requireRegularFile(file, "a JSON file");
    long bytes = Files.size(file);
    if (bytes > MAX_BYTES) {
      throw CheckpointException.of(
          file.toString(), "has %d bytes, expected a JSON file of at most %d", bytes, MAX_BYTES);
    }
  }

  /**
   * Reads a file whose value must be an object, as every configuration is.
   *
   * @param file the file, UTF-8
   * @return the members in the file's order
   * @throws CheckpointException if the file is missing or not one JSON object; with line and column
   * @throws IOException if the file cannot be read
   */
  public static JsonObject readObject(Path file) throws IOException {
    return JsonObject.of(file.toString(), read(file));
  }

  /**
   * Parses a text.
   *
   * @param source what the text is, for messages
   * @param text the JSON text
   * @return the value, null for JSON's null
   * @throws CheckpointException if the text is not one JSON value; with line and column
   */
  public static @Nullable Object parse(String source, String text) throws CheckpointException {
    try {
      return parse(source, new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    } catch (CheckpointException e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException("Json: reading from memory failed", e);
    }
  }

  /**
   * Formats a value over several lines, indented by two spaces; an array without objects or arrays
   * inside stays on one line. Ends with a line feed.
   *
   * @param value a Map with string keys, Iterable, String, Number, Boolean or null, nested at will
   * @return the text
   * @throws IllegalArgumentException if another type occurs, a key is no string, a string holds an
   *     unpaired surrogate, or the nesting is deeper than 100
   */
  public static String format(@Nullable Object value) {
    return formatted(value, true);
  }

  /**
   * Formats a value on one line without spaces and without a line feed.
   *
   * @param value as for {@link #format}
   * @return the text
   * @throws IllegalArgumentException as {@link #format}
   */
  public static String formatCompact(@Nullable Object value) {
    return formatted(value, false);
  }

  /**
   * Writes a value as {@link #format} does, replacing the file atomically.
   *
   * @param file the file
   * @param value as for {@link #format}
   * @throws IOException if writing fails; the old file is then unchanged
   * @throws IllegalArgumentException as {@link #format}; the old file is then unchanged
   */
  public static void write(Path file, @Nullable Object value) throws IOException {
    AtomicFiles.writeFile(file, (OutputStream out) -> JsonOutput.write(value, out, true));
  }

  private static String formatted(@Nullable Object value, boolean indented) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      JsonOutput.write(value, out, indented);
    } catch (IOException e) {
      throw new IllegalStateException("Json: writing to memory failed", e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Parses one value from UTF-8 bytes; the stream is left open. */
  static @Nullable Object parse(String source, InputStream in) throws IOException {
    StreamReadConstraints limits =
        StreamReadConstraints.builder()
            .maxNestingDepth(MAX_DEPTH)
            .maxStringLength(MAX_STRING_CHARS)
            .maxNameLength(MAX_STRING_CHARS)
            .build();
    PushbackReader reader = new PushbackReader(utf8Reader(in));
    try {
      int first = reader.read();
      if (first >= 0 && first != '\ufeff') {
        reader.unread(first);
      }
      try (JsonParser parser = open(reader, limits)) {
        if (parser.nextToken() == null) {
          throw new CheckpointException(source + ": is empty, expected a JSON value");
        }
        Object value = new Values(source, parser).read();
        if (parser.nextToken() != null) {
          throw new CheckpointException(
              source + ": " + position(parser) + ": text after the end of the JSON value");
        }
        return value;
      }
    } catch (JacksonException e) {
      throw failure(source, e);
    } catch (CharacterCodingException e) {
      throw new CheckpointException(source + ": is not UTF-8 text", e);
    }
  }

  /** A parser with the tolerances of this class. */
  static JsonParser open(Reader reader, StreamReadConstraints limits) {
    return JsonFactory.builder()
        .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
        .streamReadConstraints(limits)
        .build()
        .createParser(ObjectReadContext.empty(), reader);
  }

  /** Characters of strict UTF-8: a malformed byte throws instead of becoming U+FFFD. */
  static Reader utf8Reader(InputStream in) {
    return new InputStreamReader(
        in,
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT));
  }

  /** What a parser's exception means: bad text, bad encoding, or a failed read. */
  static IOException failure(String source, JacksonException e) {
    if (e.getCause() instanceof CharacterCodingException) {
      return new CheckpointException(source + ": is not UTF-8 text", e);
    }
    if (e.getCause() instanceof IOException cause) {
      return cause;
    }
    TokenStreamLocation at = e.getLocation();
    String where =
        at == null ? "" : "line " + at.getLineNr() + " column " + at.getColumnNr() + ": ";
    String reason = String.valueOf(e.getOriginalMessage());
    int lineEnd = reason.indexOf('\n');
    String firstLine = lineEnd < 0 ? reason : reason.substring(0, lineEnd);
    return new CheckpointException(
        source + ": " + where + "not JSON: " + CheckpointException.printable(firstLine), e);
  }

  static String position(JsonParser parser) {
    TokenStreamLocation at = parser.currentTokenLocation();
    return "line " + at.getLineNr() + " column " + at.getColumnNr();
  }

  /** Builds the values of one text and counts them. */
  private static final class Values {
    private final String source;
    private final JsonParser parser;
    private int count;

    Values(String source, JsonParser parser) {
      this.source = source;
      this.parser = parser;
    }

    @Nullable Object read() throws CheckpointException {
      if (++count > MAX_VALUES) {
        throw CheckpointException.of(source, "has more than %d values", MAX_VALUES);
      }
      JsonToken token = parser.currentToken();
      return switch (token) {
        case START_OBJECT -> readObject();
        case START_ARRAY -> readArray();
        case VALUE_STRING -> parser.getString();
        case VALUE_NUMBER_INT -> readInteger();
        case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
        case VALUE_TRUE -> true;
        case VALUE_FALSE -> false;
        case VALUE_NULL -> null;
        default ->
            throw new CheckpointException(source + ": " + position(parser) + ": not a value");
      };
    }

    private Object readInteger() {
      return switch (parser.getNumberType()) {
        case INT, LONG -> parser.getLongValue();
        default -> parser.getDoubleValue();
      };
    }

    private List<@Nullable Object> readArray() throws CheckpointException {
      List<@Nullable Object> values = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        values.add(read());
      }
      return values;
    }

    private Object readObject() throws CheckpointException {
      Map<String, @Nullable Object> members = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        if (members.containsKey(key)) {
          throw new CheckpointException(
              String.format(
                  Locale.ROOT,
                  "%s: %s: duplicate key %s",
                  source,
                  position(parser),
                  CheckpointException.printable(key)));
        }
        parser.nextToken();
        members.put(key, read());
      }
      Double folded = members.size() == 1 ? foldFloat(members.get(FLOAT_KEY)) : null;
      return folded == null ? members : folded;
    }
  }

  private static @Nullable Double foldFloat(@Nullable Object text) {
    if (!(text instanceof String name)) {
      return null;
    }
    return switch (name) {
      case "Infinity" -> Double.POSITIVE_INFINITY;
      case "-Infinity" -> Double.NEGATIVE_INFINITY;
      case "NaN" -> Double.NaN;
      default -> null;
    };
  }
}
