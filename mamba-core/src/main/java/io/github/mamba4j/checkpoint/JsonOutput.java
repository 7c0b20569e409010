package io.github.mamba4j.checkpoint;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Writes plain Java values as JSON; the same bytes on every platform. */
final class JsonOutput {

  private final Writer out;
  private final boolean indented;

  private JsonOutput(Writer out, boolean indented) {
    this.out = out;
    this.indented = indented;
  }

  /** Writes one value in UTF-8, with a final line feed if indented, and leaves the stream open. */
  static void write(@Nullable Object value, OutputStream stream, boolean indented)
      throws IOException {
    Writer writer = new BufferedWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8));
    JsonOutput output = new JsonOutput(writer, indented);
    output.writeValue(value, 0);
    if (indented) {
      writer.write('\n');
    }
    writer.flush();
  }

  private void writeValue(@Nullable Object value, int depth) throws IOException {
    switch (value) {
      case null -> out.write("null");
      case Boolean flag -> out.write(flag.toString());
      case CharSequence text -> writeString(text);
      case Number number -> writeNumber(number);
      case JsonObject object -> writeMap(object.members(), depth);
      case Map<?, ?> map -> writeMap(map, depth);
      case Iterable<?> values -> writeArray(values, depth);
      default ->
          throw new IllegalArgumentException(
              "Json: cannot write a " + value.getClass().getName() + ", expected a JSON value");
    }
  }

  private void writeNumber(Number number) throws IOException {
    switch (number) {
      case Byte _, Short _, Integer _, Long _, BigInteger _ -> out.write(number.toString());
      case Float f when Float.isFinite(f) -> out.write(f.toString());
      case Double d when Double.isFinite(d) -> out.write(d.toString());
      case Float _, Double _ ->
          out.write("{\"" + Json.FLOAT_KEY + "\":" + (indented ? " \"" : "\"") + number + "\"}");
      case BigDecimal decimal -> out.write(decimal.toString());
      default ->
          throw new IllegalArgumentException(
              "Json: cannot write a " + number.getClass().getName() + ", expected a plain number");
    }
  }

  private void writeArray(Iterable<?> values, int depth) throws IOException {
    checkDepth(depth);
    boolean nested = indented && holdsContainers(values);
    boolean first = true;
    out.write('[');
    for (Object value : values) {
      if (!first) {
        out.write(indented && !nested ? ", " : ",");
      }
      first = false;
      if (nested) {
        newLine(depth + 1);
      }
      writeValue(value, depth + 1);
    }
    if (nested) {
      newLine(depth);
    }
    out.write(']');
  }

  private void writeMap(Map<?, ?> map, int depth) throws IOException {
    checkDepth(depth);
    boolean first = true;
    out.write('{');
    for (Map.Entry<String, ?> member : ordered(map).entrySet()) {
      if (!first) {
        out.write(',');
      }
      first = false;
      newLine(depth + 1);
      writeString(member.getKey());
      out.write(indented ? ": " : ":");
      writeValue(member.getValue(), depth + 1);
    }
    if (!first) {
      newLine(depth);
    }
    out.write('}');
  }

  /** The order of a hash map differs between runs, so such maps are written by key. */
  private static Map<String, @Nullable Object> ordered(Map<?, ?> map) {
    Map<String, @Nullable Object> members =
        map instanceof SequencedMap<?, ?> ? new LinkedHashMap<>() : new TreeMap<>();
    for (Map.Entry<?, ?> member : map.entrySet()) {
      if (!(member.getKey() instanceof String key)) {
        throw new IllegalArgumentException(
            "Json: key " + member.getKey() + " is no string, expected string keys");
      }
      members.put(key, member.getValue());
    }
    return members;
  }

  private static boolean holdsContainers(Iterable<?> values) {
    for (Object value : values) {
      if (value instanceof Map || value instanceof Iterable || value instanceof JsonObject) {
        return true;
      }
    }
    return false;
  }

  private static void checkDepth(int depth) {
    if (depth >= Json.MAX_DEPTH) {
      throw new IllegalArgumentException(
          "Json: nesting is deeper than " + Json.MAX_DEPTH + ", expected a tree without cycles");
    }
  }

  private void newLine(int depth) throws IOException {
    if (indented) {
      out.write('\n');
      out.write("  ".repeat(depth));
    }
  }

  private void writeString(CharSequence text) throws IOException {
    out.write('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.write("\\\"");
        case '\\' -> out.write("\\\\");
        case '\n' -> out.write("\\n");
        case '\r' -> out.write("\\r");
        case '\t' -> out.write("\\t");
        case '\b' -> out.write("\\b");
        case '\f' -> out.write("\\f");
        default -> i += writeCharacter(text, i, c);
      }
    }
    out.write('"');
  }

  /** Writes one character and returns how many further chars of the text it has consumed. */
  private int writeCharacter(CharSequence text, int index, char c) throws IOException {
    if (c < 0x20) {
      out.write(String.format(Locale.ROOT, "\\u00%02x", (int) c));
      return 0;
    }
    out.write(c);
    if (!Character.isSurrogate(c)) {
      return 0;
    }
    if (Character.isLowSurrogate(c)
        || index + 1 == text.length()
        || !Character.isLowSurrogate(text.charAt(index + 1))) {
      throw new IllegalArgumentException(
          "Json: string has an unpaired surrogate at char " + index + ", expected Unicode text");
    }
    out.write(text.charAt(index + 1));
    return 1;
  }
}
