package io.github.mamba4j.data.tokenizer;

import io.github.mamba4j.data.DataException;
import io.github.mamba4j.data.internal.AtomicFile;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/** A value of a JSON file that knows where it stands, so that whoever refuses it can say so. */
final class JsonValue {

  private final Path file;
  private final String key;

  /** A map, a list, a string, a long, a double, a boolean, or null for JSON's null and no value. */
  private final @Nullable Object value;

  private JsonValue(Path file, String key, @Nullable Object value) {
    this.file = file;
    this.key = key;
    this.value = value;
  }

  /** Reads the whole file, which has to hold one JSON object. */
  static JsonValue read(Path file) throws IOException {
    JsonFactory factory =
        JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
    try (Reader reader = Files.newBufferedReader(file);
        JsonParser parser = factory.createParser(ObjectReadContext.empty(), reader)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new DataException(file + ": is not a JSON object, expected a tokenizer file");
      }
      JsonValue root = new JsonValue(file, "", new Reading(file, parser).object(""));
      if (parser.nextToken() != null) {
        throw new DataException(file + ": has more text after the JSON object, expected its end");
      }
      return root;
    } catch (JacksonException e) {
      if (e.getCause() instanceof CharacterCodingException) {
        throw notUtf8(file, e);
      }
      TokenStreamLocation at = e.getLocation();
      String place =
          at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
      throw new DataException(
          file + ": is not JSON" + place + " (" + e.getOriginalMessage() + ")", e);
    } catch (CharacterCodingException e) {
      throw notUtf8(file, e);
    } catch (DataException e) {
      throw e;
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }

  private static DataException notUtf8(Path file, Exception cause) {
    return new DataException(file + ": is not UTF-8, expected a JSON file in UTF-8", cause);
  }

  /** One run of the parser. */
  private record Reading(Path file, JsonParser parser) {

    Map<String, JsonValue> object(String key) {
      Map<String, JsonValue> members = new LinkedHashMap<>();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        String memberKey = key.isEmpty() ? name : key + "." + name;
        parser.nextToken();
        members.put(name, new JsonValue(file, memberKey, value(memberKey)));
      }
      return members;
    }

    private List<JsonValue> array(String key) {
      List<JsonValue> items = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        String itemKey = key + "[" + items.size() + "]";
        items.add(new JsonValue(file, itemKey, value(itemKey)));
      }
      return items;
    }

    private @Nullable Object value(String key) {
      return switch (parser.currentToken()) {
        case START_OBJECT -> object(key);
        case START_ARRAY -> array(key);
        case VALUE_STRING -> parser.getString();
        case VALUE_NUMBER_INT -> parser.getLongValue();
        case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
        case VALUE_TRUE -> true;
        case VALUE_FALSE -> false;
        default -> null;
      };
    }
  }

  DataException error(String what) {
    return new DataException(file + ": " + (key.isEmpty() ? "" : "key " + key + " ") + what);
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

  boolean isNull() {
    return value == null;
  }

  boolean isString() {
    return value instanceof String;
  }

  boolean has(String name) throws DataException {
    return !get(name).isNull();
  }

  /** The member; one that is not there is a null that knows its key. */
  JsonValue get(String name) throws DataException {
    JsonValue member = members().get(name);
    return member != null
        ? member
        : new JsonValue(file, key.isEmpty() ? name : key + "." + name, null);
  }

  @SuppressWarnings("unchecked") // The maps and lists of a Reading hold nothing else.
  Map<String, JsonValue> members() throws DataException {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, JsonValue>) map;
    }
    throw wrongKind("an object");
  }

  @SuppressWarnings("unchecked") // As above.
  List<JsonValue> items() throws DataException {
    if (value instanceof List<?> list) {
      return (List<JsonValue>) list;
    }
    throw wrongKind("an array");
  }

  String string() throws DataException {
    if (value instanceof String s) {
      return s;
    }
    throw wrongKind("a string");
  }

  boolean bool() throws DataException {
    if (value instanceof Boolean b) {
      return b;
    }
    throw wrongKind("true or false");
  }

  int nonNegativeInt() throws DataException {
    if (value instanceof Long l && l >= 0 && l <= Integer.MAX_VALUE) {
      return l.intValue();
    }
    throw wrongKind("a whole number, not negative");
  }

  /** Refuses every value but this one; null stands for a missing value as well. */
  void expect(@Nullable Object expected) throws DataException {
    if (!java.util.Objects.equals(value, expected)) {
      throw wrongKind(expected instanceof String s ? "\"" + s + "\"" : String.valueOf(expected));
    }
  }

  /** Refuses every value but these and null. */
  void expectNullOr(Object expected) throws DataException {
    if (value != null) {
      expect(expected);
    }
  }

  /** Refuses members that nobody here knows the meaning of. */
  void allowOnly(List<String> names) throws DataException {
    for (Map.Entry<String, JsonValue> member : members().entrySet()) {
      if (!names.contains(member.getKey())) {
        throw member
            .getValue()
            .error("is not supported, expected only " + String.join(", ", names));
      }
    }
  }
}
