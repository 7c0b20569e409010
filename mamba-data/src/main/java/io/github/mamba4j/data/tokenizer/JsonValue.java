package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.Json;
import io.github.mamba4j.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A value of a JSON file that knows where it stands, so that whoever refuses it can say so: a view
 * of what {@link Json} reads.
 */
final class JsonValue {

  private final String source;
  private final String key;

  /** As {@link Json} gives it; null also for a member that is not there. */
  private final @Nullable Object value;

  private JsonValue(String source, String key, @Nullable Object value) {
    this.source = source;
    this.key = key;
    this.value = value;
  }

  /** Reads the whole file, which has to hold one JSON object. */
  static JsonValue read(Path file) throws IOException {
    Object value;
    try {
      value = Json.read(file);
    } catch (CheckpointException e) {
      throw new DataException(oneLine(String.valueOf(e.getMessage())), e);
    } catch (IOException e) {
      throw DataException.cannotRead(file, e);
    }
    if (!(value instanceof Map<?, ?>)) {
      throw new DataException(file + ": is not a JSON object, expected a tokenizer file");
    }
    return of(file.toString(), value);
  }

  /** Views a value that does not come from a file. */
  static JsonValue of(String source, @Nullable Object value) {
    return new JsonValue(source, "", value);
  }

  DataException error(String what) {
    return new DataException(
        oneLine(source + ": " + (key.isEmpty() ? "" : "key " + key + " ") + what));
  }

  private static String oneLine(String message) {
    return message.lines().count() <= 1 ? message : message.replaceAll("\\R", "\\\\n");
  }

  private DataException wrongKind(String expected) {
    String found =
        switch (value) {
          case null -> "missing or null";
          case Map<?, ?> _ -> "an object";
          case List<?> _ -> "an array";
          case String s -> "\"" + s + "\"";
          default -> value.toString();
        };
    return error("is " + found + ", expected " + expected);
  }

  /** The value as {@link Json} gives it. */
  @Nullable Object plain() {
    return value;
  }

  boolean isNull() {
    return value == null;
  }

  boolean isString() {
    return value instanceof String;
  }

  boolean has(String name) throws DataException {
    return plainMembers().get(name) != null;
  }

  /** The member; one that is not there is a null that knows its key. */
  JsonValue get(String name) throws DataException {
    return member(name, plainMembers().get(name));
  }

  private JsonValue member(String name, @Nullable Object member) {
    return new JsonValue(source, key.isEmpty() ? name : key + "." + name, member);
  }

  private Map<?, ?> plainMembers() throws DataException {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw wrongKind("an object");
  }

  /** The members, in the order of the file. */
  Map<String, JsonValue> members() throws DataException {
    Map<String, JsonValue> members = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : plainMembers().entrySet()) {
      String name = String.valueOf(entry.getKey());
      members.put(name, member(name, entry.getValue()));
    }
    return members;
  }

  /** The items of an array. */
  List<JsonValue> items() throws DataException {
    if (!(value instanceof List<?> list)) {
      throw wrongKind("an array");
    }
    List<JsonValue> items = new ArrayList<>();
    for (Object item : list) {
      items.add(new JsonValue(source, key + "[" + items.size() + "]", item));
    }
    return items;
  }

  String string() throws DataException {
    if (value instanceof String s) {
      return s;
    }
    throw wrongKind("a string");
  }

  /** A text without unpaired surrogates, of one character or more. */
  String text() throws DataException {
    String text = string();
    if (text.isEmpty() || VocabularyTokenizer.unpairedSurrogate(text) >= 0) {
      throw error("is empty or has an unpaired surrogate, expected text");
    }
    return text;
  }

  boolean bool() throws DataException {
    if (value instanceof Boolean b) {
      return b;
    }
    throw wrongKind("true or false");
  }

  boolean boolOr(boolean fallback) throws DataException {
    return value == null ? fallback : bool();
  }

  int nonNegativeInt() throws DataException {
    if (value instanceof Long l && l >= 0 && l <= Integer.MAX_VALUE) {
      return l.intValue();
    }
    throw wrongKind("a whole number, not negative");
  }

  /** One of the constants of an enum, written as its strings are. */
  <E extends Enum<E>> E oneOf(E[] constants) throws DataException {
    List<String> names = new ArrayList<>();
    for (E constant : constants) {
      if (constant.toString().equals(value)) {
        return constant;
      }
      names.add("\"" + constant + "\"");
    }
    throw wrongKind(String.join(", ", names));
  }

  /** Refuses every value but this one; null stands for a missing value as well. */
  void expect(@Nullable Object expected) throws DataException {
    if (!Objects.equals(value, expected)) {
      throw wrongKind(expected instanceof String s ? "\"" + s + "\"" : String.valueOf(expected));
    }
  }

  /** Refuses every value but these and null. */
  void expectNullOr(Object expected) throws DataException {
    if (value != null) {
      expect(expected);
    }
  }

  /** The refusal of a component whose type is known to nobody here. */
  DataException unsupportedType(String supported) throws DataException {
    JsonValue type = get("type");
    return type.error(
        "is \"" + type.string() + "\", which is not supported; supported are " + supported);
  }

  /** Refuses members that nobody here knows the meaning of. */
  void allowOnly(String... names) throws DataException {
    List<String> known = List.of(names);
    for (Map.Entry<?, ?> entry : plainMembers().entrySet()) {
      String name = String.valueOf(entry.getKey());
      if (!known.contains(name)) {
        throw member(name, entry.getValue())
            .error("is not supported, expected only " + String.join(", ", known));
      }
    }
  }
}
