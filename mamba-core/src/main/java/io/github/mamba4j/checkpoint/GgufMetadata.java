package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The typed key-value pairs of a GGUF file, decoded from the mapped file when they are asked for,
 * so that a vocabulary costs nothing until it is read.
 *
 * <p>Readable until the file is closed, from several threads. What does not fit the asked type ends
 * in a {@link CheckpointException} that names the file, the key, what was expected and what is
 * there.
 */
public final class GgufMetadata {

  /** More than any vocabulary has; longer arrays and strings are not turned into Java objects. */
  static final int MAX_LENGTH = 1 << 24;

  /** Bytes of the largest array that becomes Java objects, which take several times as many. */
  static final int MAX_ARRAY_BYTES = 1 << 28;

  /** One value: its type, and its bytes without the type number. */
  record Value(GgufType type, MemorySegment bytes) {}

  private final String source;
  private final Map<String, Value> values;

  GgufMetadata(String source, Map<String, Value> values) {
    this.source = source;
    this.values = Collections.unmodifiableMap(values);
  }

  /**
   * All keys in the file's order.
   *
   * @return an unmodifiable set
   */
  public Set<String> keys() {
    return values.keySet();
  }

  /**
   * Whether a key is there.
   *
   * @param key the key
   * @return true if the file has it
   */
  public boolean has(String key) {
    return values.containsKey(key);
  }

  /**
   * The type of a value.
   *
   * @param key the key
   * @return the type, or null where the file lacks the key
   */
  public @Nullable GgufType type(String key) {
    Value value = values.get(key);
    return value == null ? null : value.type();
  }

  /**
   * A value of any type.
   *
   * @param key the key
   * @return a {@link Long} for integers (UINT64 keeps its 64 bits), a {@link Double}, a {@link
   *     Boolean}, a {@link String}, or a {@link List} of these
   * @throws CheckpointException if the key is missing or the value cannot be decoded
   */
  public Object require(String key) throws CheckpointException {
    Value value = requireValue(key, "a value");
    return decode(key, value.type(), cursor(value));
  }

  /**
   * An integer of any width.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the key is missing or no integer of 63 bits
   */
  public long requireLong(String key) throws CheckpointException {
    Value value = requireValue(key, "an integer");
    if (value.type().isInteger()) {
      long number = integer(value.type(), cursor(value));
      if (number >= 0 || value.type() != GgufType.UINT64) {
        return number;
      }
    }
    throw wrong(key, value, "an integer of 63 bits");
  }

  /**
   * An integer of any width, or a fallback.
   *
   * @param key the key
   * @param fallback the result where the key is missing
   * @return the value
   * @throws CheckpointException if the value is no integer of 63 bits
   */
  public long longOr(String key, long fallback) throws CheckpointException {
    return has(key) ? requireLong(key) : fallback;
  }

  /**
   * An integer that fits into 32 signed bits.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the key is missing or no such integer
   */
  public int requireInt(String key) throws CheckpointException {
    long number = requireLong(key);
    if (number != (int) number) {
      throw CheckpointException.of(
          source, "metadata %s is %d, expected a 32-bit integer", shown(key), number);
    }
    return (int) number;
  }

  /**
   * An integer that fits into 32 signed bits, or a fallback.
   *
   * @param key the key
   * @param fallback the result where the key is missing
   * @return the value
   * @throws CheckpointException if the value is no such integer
   */
  public int intOr(String key, int fallback) throws CheckpointException {
    return has(key) ? requireInt(key) : fallback;
  }

  /**
   * A number of either floating type.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the key is missing or no floating number
   */
  public double requireDouble(String key) throws CheckpointException {
    Value value = requireValue(key, "a floating number");
    if (!value.type().isFloating()) {
      throw wrong(key, value, "a floating number");
    }
    return floating(value.type(), cursor(value));
  }

  /**
   * A number of either floating type, or a fallback.
   *
   * @param key the key
   * @param fallback the result where the key is missing
   * @return the value
   * @throws CheckpointException if the value is no floating number
   */
  public double doubleOr(String key, double fallback) throws CheckpointException {
    return has(key) ? requireDouble(key) : fallback;
  }

  /**
   * A truth value, or a fallback.
   *
   * @param key the key
   * @param fallback the result where the key is missing
   * @return the value
   * @throws CheckpointException if the value is no BOOL of 0 or 1
   */
  public boolean booleanOr(String key, boolean fallback) throws CheckpointException {
    if (!has(key)) {
      return fallback;
    }
    Value value = requireValue(key, "true or false");
    if (value.type() != GgufType.BOOL) {
      throw wrong(key, value, "true or false");
    }
    return truth(key, cursor(value));
  }

  /**
   * A text.
   *
   * @param key the key
   * @return the value
   * @throws CheckpointException if the key is missing, no string, not UTF-8 or too long
   */
  public String requireString(String key) throws CheckpointException {
    Value value = requireValue(key, "a string");
    if (value.type() != GgufType.STRING) {
      throw wrong(key, value, "a string");
    }
    return text(key, cursor(value));
  }

  /**
   * A text, or a fallback.
   *
   * @param key the key
   * @param fallback the result where the key is missing
   * @return the value
   * @throws CheckpointException if the value is no string, not UTF-8 or too long
   */
  public String stringOr(String key, String fallback) throws CheckpointException {
    return has(key) ? requireString(key) : fallback;
  }

  /**
   * An array of texts, as a vocabulary is.
   *
   * @param key the key
   * @return the values, unmodifiable
   * @throws CheckpointException if the key is missing, no array of strings, or too long
   */
  public List<String> requireStrings(String key) throws CheckpointException {
    ByteCursor in = openArray(key, "an array of strings", GgufType.STRING);
    int length = readLength(key, in);
    List<String> texts = new ArrayList<>(Math.min(length, 1 << 16));
    for (int i = 0; i < length; i++) {
      texts.add(text(key, in));
    }
    return Collections.unmodifiableList(texts);
  }

  /**
   * An array of integers of any one width; UINT64 keeps its 64 bits.
   *
   * @param key the key
   * @return the values
   * @throws CheckpointException if the key is missing, no array of integers, or too long
   */
  public long[] requireLongs(String key) throws CheckpointException {
    ByteCursor in = openArray(key, "an array of integers", null);
    GgufType type = elementType(in);
    if (!type.isInteger()) {
      throw wrong(key, requireValue(key, ""), "an array of integers");
    }
    long[] numbers = new long[readLength(key, in)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = integer(type, in);
    }
    return numbers;
  }

  /**
   * An array of floating numbers of either width, rounded to float32.
   *
   * @param key the key
   * @return the values
   * @throws CheckpointException if the key is missing, no array of floating numbers, or too long
   */
  public float[] requireFloats(String key) throws CheckpointException {
    ByteCursor in = openArray(key, "an array of floating numbers", null);
    GgufType type = elementType(in);
    if (!type.isFloating()) {
      throw wrong(key, requireValue(key, ""), "an array of floating numbers");
    }
    float[] numbers = new float[readLength(key, in)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) floating(type, in);
    }
    return numbers;
  }

  /** The raw value, for a writer that copies it. */
  Value requireValue(String key, String expected) throws CheckpointException {
    Value value = values.get(key);
    if (value == null) {
      throw CheckpointException.of(
          source, "metadata %s is missing, expected %s", shown(key), expected);
    }
    return value;
  }

  /** Every scalar and text as a text, an array as its type and length. */
  Map<String, String> asText() {
    Map<String, String> texts = new LinkedHashMap<>();
    for (Map.Entry<String, Value> entry : values.entrySet()) {
      String text;
      try {
        text =
            entry.getValue().type() == GgufType.ARRAY
                ? summary(entry.getValue())
                : String.valueOf(require(entry.getKey()));
      } catch (CheckpointException undecodable) {
        text = "undecodable " + entry.getValue().type();
      }
      texts.put(entry.getKey(), text);
    }
    return Collections.unmodifiableMap(texts);
  }

  private String summary(Value value) throws CheckpointException {
    ByteCursor in = cursor(value);
    return elementType(in) + "[" + in.i64("length") + "]";
  }

  /** At the length of an array whose elements have the given type; null leaves the type to read. */
  private ByteCursor openArray(String key, String expected, @Nullable GgufType element)
      throws CheckpointException {
    Value value = requireValue(key, expected);
    if (value.type() != GgufType.ARRAY) {
      throw wrong(key, value, expected);
    }
    ByteCursor in = cursor(value);
    if (element != null && elementType(in) != element) {
      throw wrong(key, value, expected);
    }
    return in;
  }

  private GgufType elementType(ByteCursor in) throws CheckpointException {
    long number = in.u32("element type");
    GgufType type = GgufType.byNumber(number);
    if (type == null) {
      throw in.bad("has metadata of the unknown type %d", number);
    }
    return type;
  }

  private int readLength(String key, ByteCursor in) throws CheckpointException {
    long length = in.i64("length");
    if (length < 0 || length > MAX_LENGTH) {
      throw CheckpointException.of(
          source,
          "metadata %s has %s elements, expected at most %d",
          shown(key),
          Long.toUnsignedString(length),
          MAX_LENGTH);
    }
    if (in.remaining() > MAX_ARRAY_BYTES) {
      throw CheckpointException.of(
          source,
          "metadata %s has %d bytes, expected at most %d",
          shown(key),
          in.remaining(),
          MAX_ARRAY_BYTES);
    }
    return (int) length;
  }

  private ByteCursor cursor(Value value) {
    return new ByteCursor(source + ": metadata", value.bytes(), 0);
  }

  private Object decode(String key, GgufType type, ByteCursor in) throws CheckpointException {
    return switch (type) {
      case STRING -> text(key, in);
      case BOOL -> truth(key, in);
      case FLOAT32, FLOAT64 -> floating(type, in);
      case ARRAY -> {
        GgufType element = elementType(in);
        int length = readLength(key, in);
        List<Object> items = new ArrayList<>(Math.min(length, 1 << 16));
        for (int i = 0; i < length; i++) {
          items.add(decode(key, element, in));
        }
        yield Collections.unmodifiableList(items);
      }
      default -> integer(type, in);
    };
  }

  private static long integer(GgufType type, ByteCursor in) throws CheckpointException {
    return switch (type) {
      case UINT8 -> in.u8("UINT8");
      case INT8 -> (byte) in.u8("INT8");
      case UINT16 -> in.u16("UINT16");
      case INT16 -> (short) in.u16("INT16");
      case UINT32 -> in.u32("UINT32");
      case INT32 -> in.i32("INT32");
      default -> in.i64("INT64");
    };
  }

  private static double floating(GgufType type, ByteCursor in) throws CheckpointException {
    return type == GgufType.FLOAT32
        ? Float.intBitsToFloat(in.i32("FLOAT32"))
        : Double.longBitsToDouble(in.i64("FLOAT64"));
  }

  private boolean truth(String key, ByteCursor in) throws CheckpointException {
    int stored = in.u8("BOOL");
    if (stored > 1) {
      throw CheckpointException.of(
          source, "metadata %s is a BOOL of %d, expected 0 or 1", shown(key), stored);
    }
    return stored == 1;
  }

  private String text(String key, ByteCursor in) throws CheckpointException {
    return in.utf8(in.i64("length"), MAX_LENGTH, shown(key));
  }

  private CheckpointException wrong(String key, Value value, String expected)
      throws CheckpointException {
    String found = value.type() == GgufType.ARRAY ? summary(value) : value.type().toString();
    if (value.type().isInteger()) {
      found += " " + Long.toUnsignedString(integer(value.type(), cursor(value)));
    }
    return wrong(key, found, expected);
  }

  /** A value that is of the right type and still not what a reader can use. */
  CheckpointException wrong(String key, String found, String expected) {
    return CheckpointException.of(
        source, "metadata %s is %s, expected %s", shown(key), found, expected);
  }

  private static String shown(String key) {
    return CheckpointException.printable(key);
  }
}
