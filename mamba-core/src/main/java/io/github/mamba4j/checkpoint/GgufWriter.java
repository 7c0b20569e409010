package io.github.mamba4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects metadata and named arrays and writes them as one GGUF file of version 3, little-endian,
 * metadata and tensors in the order in which they were added.
 *
 * <p>Arrays are not copied: they are read when {@link #write} runs and must be readable until then.
 * Writing needs a fixed buffer of 1 MiB, whatever the size of the model. Not thread-safe.
 */
public final class GgufWriter {

  private static final String WRITER = "GgufWriter";

  private final Map<String, byte[]> values = new LinkedHashMap<>();
  private final Map<String, PendingArray> arrays = new LinkedHashMap<>();
  private int alignment = GgufFile.DEFAULT_ALIGNMENT;

  /** Creates a writer without metadata and tensors. */
  public GgufWriter() {}

  /**
   * Sets the alignment of the tensors; 32 bytes where it is not set. Other values are recorded as
   * {@code general.alignment}.
   *
   * @param bytes a power of two from 8 to 65536
   * @return this writer
   * @throws IllegalArgumentException if it is none
   */
  public GgufWriter alignment(int bytes) {
    if (bytes < 8 || bytes > 65536 || Integer.bitCount(bytes) != 1) {
      throw new IllegalArgumentException(
          WRITER + ": alignment is " + bytes + ", expected a power of two from 8 to 65536");
    }
    alignment = bytes;
    values.remove(GgufFile.ALIGNMENT_KEY);
    if (bytes != GgufFile.DEFAULT_ALIGNMENT) {
      values.put(GgufFile.ALIGNMENT_KEY, encoded(GgufType.UINT32, (long) bytes));
    }
    return this;
  }

  /**
   * Adds or replaces a value.
   *
   * @param key the key, such as {@code mamba.block_count}
   * @param type any type but ARRAY
   * @param value a {@link Number} for numeric types, a {@link Boolean} for BOOL, a {@link String}
   *     for STRING; an integer must fit the type (UINT64 takes any 64 bits)
   * @return this writer
   * @throws IllegalArgumentException if key or value do not fit
   */
  public GgufWriter put(String key, GgufType type, Object value) {
    requireKey(key);
    try {
      values.put(key, encoded(type, value));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(WRITER + ": " + key + " " + e.getMessage(), e);
    }
    return this;
  }

  /**
   * Adds or replaces an array value.
   *
   * @param key the key, such as {@code tokenizer.ggml.tokens}
   * @param elementType any type but ARRAY
   * @param elements values as {@link #put} takes them
   * @return this writer
   * @throws IllegalArgumentException if key or elements do not fit
   */
  public GgufWriter putArray(String key, GgufType elementType, List<?> elements) {
    requireKey(key);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints(GgufType.ARRAY.number(), elementType.number()));
    out.writeBytes(longs(elements.size()));
    try {
      for (Object element : elements) {
        appendValue(out, elementType, element);
      }
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(WRITER + ": " + key + " " + e.getMessage(), e);
    }
    values.put(key, out.toByteArray());
    return this;
  }

  /**
   * Copies a value of any type from another file, as a converter keeps a vocabulary.
   *
   * @param key the key, there and here
   * @param metadata the other file's metadata
   * @return this writer
   * @throws CheckpointException if the other file lacks the key
   * @throws IllegalArgumentException if the key is {@code general.alignment}
   */
  public GgufWriter copy(String key, GgufMetadata metadata) throws CheckpointException {
    requireKey(key);
    GgufMetadata.Value value = metadata.requireValue(key, "a value to copy");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints(value.type().number()));
    out.writeBytes(value.bytes().toArray(ValueLayout.JAVA_BYTE));
    values.put(key, out.toByteArray());
    return this;
  }

  /**
   * Adds an array whose bytes are written as they are; block types too.
   *
   * @param name the name, unique in the file
   * @param type a type that GGUF has
   * @param shape the sizes of at most 4 axes, outermost first
   * @param bytes row-major little-endian elements, exactly as many bytes as type and shape say
   * @return this writer
   * @throws IllegalArgumentException if the name is taken, or type, shape or size do not fit
   */
  public GgufWriter add(String name, StoredType type, List<Long> shape, MemorySegment bytes) {
    return add(PendingArray.of(WRITER, name, type, shape, bytes, false));
  }

  /**
   * Adds float32 values, stored as a floating type; narrowing rounds to nearest even, Q8_0 as in
   * {@link QuantizedBlocks#quantizeQ80}.
   *
   * @param name the name, unique in the file
   * @param type F32, F16, BF16, F64 or Q8_0
   * @param shape the sizes of at most 4 axes, outermost first; the last a multiple of 32 for Q8_0
   * @param floats row-major native-order floats, exactly as many as the shape says
   * @return this writer
   * @throws IllegalArgumentException if the name is taken, shape or size do not fit, or floats
   *     cannot be stored as {@code type}
   */
  public GgufWriter addFloats(
      String name, StoredType type, List<Long> shape, MemorySegment floats) {
    boolean writable =
        switch (type) {
          case F32, F16, BF16, F64, Q8_0 -> true;
          default -> false;
        };
    if (!writable) {
      throw new IllegalArgumentException(
          WRITER
              + ": "
              + name
              + " cannot store floats as "
              + type
              + ", expected F32, F16, BF16, F64 or Q8_0");
    }
    return add(PendingArray.of(WRITER, name, type, shape, floats, true));
  }

  private GgufWriter add(PendingArray array) {
    String what = WRITER + ": " + array.name();
    if (arrays.containsKey(array.name())) {
      throw new IllegalArgumentException(what + " is taken, expected a new name");
    }
    if (GgmlTypes.numberOf(array.type()) < 0) {
      throw new IllegalArgumentException(what + " is " + array.type() + ", which GGUF lacks");
    }
    if (array.shape().size() > GgufFile.MAX_AXES) {
      throw new IllegalArgumentException(
          what + " has shape " + array.shape() + ", expected at most 4 axes");
    }
    arrays.put(array.name(), array);
    return this;
  }

  /**
   * Writes the file: beside the target, forced to the device, then renamed over it.
   *
   * @param target the file to create or replace
   * @throws IOException if writing fails; an old file is then unchanged and nothing is left behind
   * @throws IllegalStateException if an array is no longer readable; an old file is then unchanged
   */
  public void write(Path target) throws IOException {
    AtomicFiles.writeFile(
        target,
        out -> {
          byte[] header = header();
          out.write(header);
          pad(out, header.length);
          byte[] chunk = new byte[PendingArray.CHUNK_BYTES];
          for (PendingArray array : arrays.values()) {
            array.writeTo(out, chunk);
            pad(out, array.byteSize());
          }
        });
  }

  private byte[] header() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints(GgufFile.MAGIC, GgufFile.VERSION));
    out.writeBytes(longs(arrays.size(), values.size()));
    for (Map.Entry<String, byte[]> value : values.entrySet()) {
      appendText(out, value.getKey());
      out.writeBytes(value.getValue());
    }
    long offset = 0;
    for (PendingArray array : arrays.values()) {
      appendText(out, array.name());
      List<Long> innermostFirst = new ArrayList<>(array.shape()).reversed();
      out.writeBytes(ints(innermostFirst.size()));
      innermostFirst.forEach(size -> out.writeBytes(longs(size)));
      out.writeBytes(ints(GgmlTypes.numberOf(array.type())));
      out.writeBytes(longs(offset));
      offset += Math.ceilDiv(array.byteSize(), alignment) * (long) alignment;
    }
    return out.toByteArray();
  }

  private void pad(OutputStream out, long written) throws IOException {
    int over = (int) (written % alignment);
    if (over > 0) {
      out.write(new byte[alignment - over]);
    }
  }

  private static void requireKey(String key) {
    int length = key.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > GgufFile.MAX_NAME_BYTES) {
      throw new IllegalArgumentException(
          WRITER + ": key has " + length + " bytes, expected 1 to " + GgufFile.MAX_NAME_BYTES);
    }
    if (key.equals(GgufFile.ALIGNMENT_KEY)) {
      throw new IllegalArgumentException(
          WRITER + ": " + key + " is set by alignment(bytes), expected another key");
    }
  }

  private static byte[] encoded(GgufType type, Object value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints(type.number()));
    appendValue(out, type, value);
    return out.toByteArray();
  }

  private static void appendValue(ByteArrayOutputStream out, GgufType type, Object value) {
    switch (value) {
      case String text when type == GgufType.STRING -> appendText(out, text);
      case Boolean flag when type == GgufType.BOOL -> out.write(flag ? 1 : 0);
      case Number number when type == GgufType.FLOAT32 ->
          out.writeBytes(ints(Float.floatToRawIntBits(number.floatValue())));
      case Number number when type == GgufType.FLOAT64 ->
          out.writeBytes(longs(Double.doubleToRawLongBits(number.doubleValue())));
      case Number number when type.isInteger() && fits(type, number) -> {
        byte[] wide = longs(number.longValue());
        out.write(wide, 0, type.byteSize());
      }
      default ->
          throw new IllegalArgumentException(
              "is " + CheckpointException.printable(value.toString()) + ", expected " + type);
    }
  }

  private static boolean fits(GgufType type, Number number) {
    boolean whole =
        number instanceof Long
            || number instanceof Integer
            || number instanceof Short
            || number instanceof Byte;
    long value = number.longValue();
    int bits = 8 * type.byteSize();
    boolean inRange =
        switch (type) {
          case UINT8, UINT16, UINT32 -> value >>> bits == 0;
          case INT8, INT16, INT32 -> value >> (bits - 1) == value >> 63;
          default -> true;
        };
    return whole && inRange;
  }

  private static void appendText(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeBytes(longs(bytes.length));
    out.writeBytes(bytes);
  }

  private static byte[] ints(int... numbers) {
    ByteBuffer out =
        ByteBuffer.allocate(numbers.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int number : numbers) {
      out.putInt(number);
    }
    return out.array();
  }

  private static byte[] longs(long... numbers) {
    ByteBuffer out =
        ByteBuffer.allocate(numbers.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long number : numbers) {
      out.putLong(number);
    }
    return out.array();
  }
}
