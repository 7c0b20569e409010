package io.github.mamba4j.checkpoint;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object read as a configuration: members by key with the type that the reader expects, and
 * errors that name the file, the key, what was expected and what was found.
 *
 * <p>Every method with an {@code …Or} name treats a missing member and JSON's null alike. Keys that
 * nobody asks for are ignored.
 */
public final class JsonObject {

  private final String source;
  private final Map<String, @Nullable Object> members;

  private JsonObject(String source, Map<String, @Nullable Object> members) {
    this.source = source;
    this.members = members;
  }

  /**
   * Views a parsed value as an object.
   *
   * @param source what the value was read from, for messages
   * @param value the value as {@link Json} returns it
   * @return the view
   * @throws CheckpointException if the value is not an object
   */
  public static JsonObject of(String source, @Nullable Object value) throws CheckpointException {
    if (!(value instanceof Map<?, ?> map)) {
      throw new CheckpointException(
          source + ": is " + describe(value) + ", expected a JSON object");
    }
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    map.forEach((key, member) -> members.put(String.valueOf(key), member));
    return new JsonObject(source, Collections.unmodifiableMap(members));
  }

  /**
   * All members in the file's order.
   *
   * @return an unmodifiable map
   */
  public Map<String, @Nullable Object> members() {
    return members;
  }

  /**
   * Whether a member exists and is not null.
   *
   * @param key the key
   * @return false for a missing member and for JSON's null
   */
  public boolean has(String key) {
    return members.get(key) != null;
  }

  /**
   * An integer that must be there.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the member is missing or no 32-bit integer
   */
  public int requireInt(String key) throws CheckpointException {
    return toInt(key, require(key, "an integer"));
  }

  /**
   * An integer with a default.
   *
   * @param key the key
   * @param fallback the value where the member is missing or null
   * @return the value
   * @throws CheckpointException if the member is no 32-bit integer
   */
  public int intOr(String key, int fallback) throws CheckpointException {
    Object value = members.get(key);
    return value == null ? fallback : toInt(key, value);
  }

  /**
   * A 64-bit integer with a default.
   *
   * @param key the key
   * @param fallback the value where the member is missing or null
   * @return the value
   * @throws CheckpointException if the member is no 64-bit integer
   */
  public long longOr(String key, long fallback) throws CheckpointException {
    Object value = members.get(key);
    return value == null ? fallback : toLong(key, value);
  }

  /**
   * A number that must be there; integers count.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the member is missing or no number
   */
  public double requireDouble(String key) throws CheckpointException {
    return toDouble(key, require(key, "a number"));
  }

  /**
   * A number with a default; integers count.
   *
   * @param key the key
   * @param fallback the value where the member is missing or null
   * @return the value
   * @throws CheckpointException if the member is no number
   */
  public double doubleOr(String key, double fallback) throws CheckpointException {
    Object value = members.get(key);
    return value == null ? fallback : toDouble(key, value);
  }

  /**
   * A truth value with a default.
   *
   * @param key the key
   * @param fallback the value where the member is missing or null
   * @return the value
   * @throws CheckpointException if the member is neither true nor false
   */
  public boolean booleanOr(String key, boolean fallback) throws CheckpointException {
    Object value = members.get(key);
    if (value == null) {
      return fallback;
    }
    if (!(value instanceof Boolean flag)) {
      throw mismatch(key, value, "true or false");
    }
    return flag;
  }

  /**
   * A string that must be there.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the member is missing or no string
   */
  public String requireString(String key) throws CheckpointException {
    return toText(key, require(key, "a string"));
  }

  /**
   * A string with a default.
   *
   * @param key the key
   * @param fallback the value where the member is missing or null
   * @return the value
   * @throws CheckpointException if the member is no string
   */
  public String stringOr(String key, String fallback) throws CheckpointException {
    Object value = members.get(key);
    return value == null ? fallback : toText(key, value);
  }

  /**
   * An object that must be there.
   *
   * @param key the key
   * @return the object; its messages name this file and key
   * @throws CheckpointException if the member is missing or no object
   */
  public JsonObject requireObject(String key) throws CheckpointException {
    return of(source + ": " + key, require(key, "an object"));
  }

  /**
   * An object, empty where it is missing.
   *
   * @param key the key
   * @return the object; its messages name this file and key
   * @throws CheckpointException if the member is no object
   */
  public JsonObject objectOrEmpty(String key) throws CheckpointException {
    Object value = members.get(key);
    return of(source + ": " + key, value == null ? Map.of() : value);
  }

  /**
   * A list that must be there.
   *
   * @param key the key
   * @return the elements, unmodifiable
   * @throws CheckpointException if the member is missing or no array
   */
  public List<@Nullable Object> requireList(String key) throws CheckpointException {
    Object value = require(key, "an array");
    if (!(value instanceof List<?> list)) {
      throw mismatch(key, value, "an array");
    }
    List<@Nullable Object> elements = new ArrayList<>(list);
    return Collections.unmodifiableList(elements);
  }

  /**
   * A list of numbers that must be there; integers count.
   *
   * @param key the key
   * @return the numbers
   * @throws CheckpointException if the member is missing, no array, or holds anything but numbers
   */
  public double[] requireDoubles(String key) throws CheckpointException {
    List<@Nullable Object> elements = requireList(key);
    double[] values = new double[elements.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = toDouble(key + "[" + i + "]", elements.get(i));
    }
    return values;
  }

  /**
   * A list of strings that must be there.
   *
   * @param key the key
   * @return the strings, unmodifiable
   * @throws CheckpointException if the member is missing, no array, or holds anything but strings
   */
  public List<String> requireStrings(String key) throws CheckpointException {
    List<String> values = new ArrayList<>();
    for (Object element : requireList(key)) {
      values.add(toText(key + "[" + values.size() + "]", element));
    }
    return Collections.unmodifiableList(values);
  }

  /**
   * Makes the error for something that is wrong with this object.
   *
   * @param problem what is wrong, what was expected and what was found
   * @return the exception, to be thrown
   */
  public CheckpointException error(String problem) {
    return new CheckpointException(source + ": " + problem);
  }

  private Object require(String key, String expected) throws CheckpointException {
    Object value = members.get(key);
    if (value == null) {
      String found = members.containsKey(key) ? " is null" : " is missing";
      throw new CheckpointException(source + ": " + key + found + ", expected " + expected);
    }
    return value;
  }

  private int toInt(String key, Object value) throws CheckpointException {
    if (!(value instanceof Long number) || number != number.intValue()) {
      throw mismatch(key, value, "a 32-bit integer");
    }
    return number.intValue();
  }

  private long toLong(String key, Object value) throws CheckpointException {
    if (!(value instanceof Long number)) {
      throw mismatch(key, value, "a 64-bit integer");
    }
    return number;
  }

  private double toDouble(String key, @Nullable Object value) throws CheckpointException {
    if (!(value instanceof Number number)) {
      throw mismatch(key, value, "a number");
    }
    return number.doubleValue();
  }

  private String toText(String key, @Nullable Object value) throws CheckpointException {
    if (!(value instanceof String text)) {
      throw mismatch(key, value, "a string");
    }
    return text;
  }

  private CheckpointException mismatch(String key, @Nullable Object value, String expected) {
    return new CheckpointException(
        source + ": " + key + " is " + describe(value) + ", expected " + expected);
  }

  private static String describe(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case String text -> '"' + CheckpointException.printable(text) + '"';
      case Map<?, ?> _ -> "an object";
      case List<?> _ -> "an array";
      default -> value.toString();
    };
  }
}
