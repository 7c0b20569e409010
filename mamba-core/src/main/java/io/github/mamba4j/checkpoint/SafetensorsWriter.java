package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Collects named arrays and writes them as one safetensors file, byte for byte as the reference
 * implementation lays it out: tensors by type from the widest alignment down, then by name; header
 * padded with spaces so that the data starts on a multiple of 8 bytes.
 *
 * <p>The arrays are not copied: they are read when {@link #write} runs and must be readable until
 * then. Writing needs a fixed buffer of 1 MiB, whatever the size of the model. Not thread-safe.
 */
public final class SafetensorsWriter {

  private static final String WRITER = "SafetensorsWriter";

  private final Map<String, PendingArray> arrays = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", "pt"));

  /** Creates a writer without tensors, with the metadata {@code format = pt} that Python checks. */
  public SafetensorsWriter() {}

  /**
   * Adds or replaces a pair of {@code __metadata__}.
   *
   * @param key the key
   * @param value the text
   * @return this writer
   */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Drops all pairs of {@code __metadata__}, the default one too; an empty one is not written.
   *
   * @return this writer
   */
  public SafetensorsWriter withoutMetadata() {
    metadata.clear();
    return this;
  }

  /**
   * Adds an array whose bytes are written as they are.
   *
   * @param name the key, unique in the file
   * @param type the element type
   * @param shape the sizes of the axes, outermost first
   * @param bytes row-major little-endian elements, exactly as many bytes as type and shape say
   * @return this writer
   * @throws IllegalArgumentException if the name is taken, the size does not fit, or the type is a
   *     block type
   */
  public SafetensorsWriter add(
      String name, StoredType type, List<Long> shape, MemorySegment bytes) {
    if (type.isBlocked()) {
      throw new IllegalArgumentException(
          WRITER + ": " + name + " is of block type " + type + ", which safetensors does not have");
    }
    return add(PendingArray.of(WRITER, name, type, shape, bytes, false));
  }

  /**
   * Adds float32 values, stored as a floating type; narrowing rounds to nearest even.
   *
   * @param name the key, unique in the file
   * @param type F32, F16, BF16 or F64
   * @param shape the sizes of the axes, outermost first
   * @param floats row-major native-order floats, exactly as many as the shape says
   * @return this writer
   * @throws IllegalArgumentException if the name is taken, the size does not fit, or floats cannot
   *     be stored as {@code type}
   */
  public SafetensorsWriter addFloats(
      String name, StoredType type, List<Long> shape, MemorySegment floats) {
    boolean writable =
        switch (type) {
          case F32, F16, BF16, F64 -> true;
          default -> false;
        };
    if (!writable) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "SafetensorsWriter: %s cannot store floats as %s, expected F32, F16, BF16 or F64",
              name,
              type));
    }
    return add(PendingArray.of(WRITER, name, type, shape, floats, true));
  }

  /**
   * Adds an array of float32 values.
   *
   * @param name the key, unique in the file
   * @param shape the sizes of the axes, outermost first
   * @param values row-major, exactly as many as the shape says; not copied
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the size does not fit
   */
  public SafetensorsWriter addFloats(String name, List<Long> shape, float[] values) {
    return addFloats(name, StoredType.F32, shape, MemorySegment.ofArray(values));
  }

  /**
   * Adds an array of 64-bit integers.
   *
   * @param name the key, unique in the file
   * @param shape the sizes of the axes, outermost first
   * @param values row-major, exactly as many as the shape says; copied
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the size does not fit
   */
  public SafetensorsWriter addLongs(String name, List<Long> shape, long[] values) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, 8)]);
    MemorySegment.copy(values, 0, bytes, StoredType.LONG, 0, values.length);
    return add(name, StoredType.I64, shape, bytes);
  }

  private SafetensorsWriter add(PendingArray array) {
    String name = array.name();
    if (name.equals(SafetensorsHeader.METADATA_KEY) || arrays.containsKey(name)) {
      throw new IllegalArgumentException(WRITER + ": " + name + " is taken, expected a new name");
    }
    arrays.put(name, array);
    return this;
  }

  /**
   * Writes the file: beside the target, forced to the device, then renamed over it.
   *
   * @param target the file to create or replace
   * @throws IOException if writing fails; an old file is then unchanged and nothing is left behind
   * @throws IllegalStateException if the header would exceed 100,000,000 bytes or an array is no
   *     longer readable; an old file is then unchanged
   */
  public void write(Path target) throws IOException {
    List<PendingArray> ordered = new ArrayList<>(arrays.values());
    ordered.sort(SafetensorsWriter::compare);
    byte[] header = header(ordered);
    AtomicFiles.writeFile(
        target,
        out -> {
          byte[] length = new byte[SafetensorsFile.LENGTH_BYTES];
          MemorySegment.ofArray(length).set(StoredType.LONG, 0, header.length);
          out.write(length);
          out.write(header);
          byte[] chunk = new byte[PendingArray.CHUNK_BYTES];
          for (PendingArray array : ordered) {
            array.writeTo(out, chunk);
          }
        });
  }

  /** Widest type first, then by the UTF-8 bytes of the name, as the reference sorts. */
  private static int compare(PendingArray a, PendingArray b) {
    int byType = b.type().compareTo(a.type());
    return byType != 0
        ? byType
        : Arrays.compareUnsigned(
            a.name().getBytes(StandardCharsets.UTF_8), b.name().getBytes(StandardCharsets.UTF_8));
  }

  private byte[] header(List<PendingArray> ordered) {
    Map<String, Object> tree = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      tree.put(SafetensorsHeader.METADATA_KEY, metadata);
    }
    long begin = 0;
    for (PendingArray array : ordered) {
      long end = Math.addExact(begin, array.byteSize());
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("dtype", array.type().name());
      entry.put("shape", array.shape());
      entry.put("data_offsets", List.of(begin, end));
      tree.put(array.name(), entry);
      begin = end;
    }
    byte[] json = Json.formatCompact(tree).getBytes(StandardCharsets.UTF_8);
    int padded = Math.ceilDiv(json.length, 8) * 8;
    if (padded > SafetensorsFile.MAX_HEADER_BYTES) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "SafetensorsWriter: header has %d bytes, expected at most %d",
              padded,
              SafetensorsFile.MAX_HEADER_BYTES));
    }
    byte[] header = Arrays.copyOf(json, padded);
    Arrays.fill(header, json.length, padded, (byte) ' ');
    return header;
  }
}
