package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A GGUF file of version 2 or 3, little-endian, memory-mapped: typed metadata, then the declaration
 * of every tensor, then the tensors' bytes, each aligned.
 *
 * <p>Shapes are given outermost axis first, as everywhere in this library; the file stores them the
 * other way round. Read are F32, F16, BF16, F64, the integers of 8 to 64 bits and the blocks Q4_0,
 * Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K; a file with a tensor of another type is refused with
 * the name of that tensor and type.
 */
public final class GgufFile extends CheckpointFile {

  static final int MAGIC = 0x46554747;
  static final int VERSION = 3;
  static final int DEFAULT_ALIGNMENT = 32;
  static final String ALIGNMENT_KEY = "general.alignment";
  static final int MAX_AXES = 4;
  static final int MAX_NAME_BYTES = 0xffff;
  private static final int MAX_ALIGNMENT = 1 << 24;
  private static final int MAX_NESTING = 4;

  /** All keys and names together, as much as safetensors allows its header. */
  private static final int MAX_TEXT_BYTES = 100_000_000;

  private final GgufMetadata keyValues;

  private GgufFile(
      Path path, Arena arena, Map<String, TensorEntry> entries, GgufMetadata keyValues) {
    super(path, CheckpointFormat.GGUF, arena, entries);
    this.keyValues = keyValues;
  }

  /**
   * Opens and checks a file. Tensor bytes and long metadata are mapped, not read.
   *
   * @param path the file, of any size
   * @return the open file, to be closed by the caller
   * @throws CheckpointException if the file is missing, no little-endian GGUF file of version 2 or
   *     3, damaged, or holds a tensor of an unsupported type
   * @throws IOException if reading or mapping fails
   */
  public static GgufFile open(Path path) throws IOException {
    requireRegularFile(path, "a GGUF file");
    Arena arena = Arena.ofShared();
    boolean complete = false;
    try {
      GgufFile file = read(path, ByteCursor.map(path, arena), arena);
      complete = true;
      return file;
    } finally {
      if (!complete) {
        arena.close();
      }
    }
  }

  /** Checks bytes that belong to an arena, which the file closes. */
  static GgufFile read(Path path, MemorySegment bytes, Arena arena) throws CheckpointException {
    Parser parser = new Parser(path.toString(), bytes);
    Map<String, TensorEntry> entries = parser.read();
    return new GgufFile(path, arena, entries, new GgufMetadata(path.toString(), parser.values));
  }

  /**
   * The typed metadata.
   *
   * @return the key-value pairs, readable until this file is closed
   */
  public GgufMetadata keyValues() {
    return keyValues;
  }

  /**
   * The metadata as text: numbers, truth values and strings as they are, an array as its type and
   * length, such as {@code STRING[50280]}.
   *
   * @return an unmodifiable map in the file's order
   */
  @Override
  public Map<String, String> metadata() {
    return keyValues.asText();
  }

  /** A tensor's declaration; the offset counts from the beginning of the data section. */
  private record Declared(
      String name, StoredType type, List<Long> shape, long offset, long byteSize) {}

  /** Reads the parts of the file in their order. */
  private static final class Parser {

    private final String source;
    private final ByteCursor in;
    private final Map<String, GgufMetadata.Value> values = new LinkedHashMap<>();
    private long textBytes;

    Parser(String source, MemorySegment file) {
      this.source = source;
      this.in = new ByteCursor(source, file, 0);
    }

    Map<String, TensorEntry> read() throws CheckpointException {
      if (in.i32("magic") != MAGIC) {
        throw CheckpointException.of(source, "does not begin with GGUF, expected a GGUF file");
      }
      int version = in.i32("version");
      if (version != VERSION && version != VERSION - 1) {
        boolean swapped = Integer.reverseBytes(version) == VERSION;
        throw CheckpointException.of(
            source,
            "has version %s, expected 2 or 3",
            swapped ? "3 in big-endian order" : Integer.toUnsignedString(version));
      }
      long tensorCount = readCount("tensors");
      long valueCount = readCount("metadata values");
      for (long i = 0; i < valueCount; i++) {
        readKeyValue();
      }
      List<Declared> declared = new ArrayList<>();
      Set<String> names = new HashSet<>();
      for (long i = 0; i < tensorCount; i++) {
        Declared tensor = readTensor();
        if (!names.add(tensor.name())) {
          throw bad(tensor.name(), "is declared twice");
        }
        declared.add(tensor);
      }
      return place(declared);
    }

    private long readCount(String what) throws CheckpointException {
      long count = in.i64(what);
      if (count < 0 || count > MAX_TENSORS) {
        throw in.bad(
            "declares %s %s, expected at most %d", Long.toUnsignedString(count), what, MAX_TENSORS);
      }
      return count;
    }

    private void readKeyValue() throws CheckpointException {
      String key = readName("key length", "metadata key");
      GgufType type = readType(key);
      long begin = in.position();
      skip(key, type, 0);
      MemorySegment bytes = in.bytes().asSlice(begin, in.position() - begin);
      if (values.put(key, new GgufMetadata.Value(type, bytes)) != null) {
        throw in.bad("metadata %s is there twice", CheckpointException.printable(key));
      }
    }

    private String readName(String length, String what) throws CheckpointException {
      long bytes = in.i64(length);
      textBytes += Math.clamp(bytes, 0, MAX_NAME_BYTES);
      if (textBytes > MAX_TEXT_BYTES) {
        throw in.bad("keys and names have more than %d bytes together", MAX_TEXT_BYTES);
      }
      return in.utf8(bytes, MAX_NAME_BYTES, what);
    }

    private GgufType readType(String key) throws CheckpointException {
      long number = in.u32("metadata type");
      GgufType type = GgufType.byNumber(number);
      if (type == null) {
        throw in.bad(
            "metadata %s has the unknown type %d", CheckpointException.printable(key), number);
      }
      return type;
    }

    private void skip(String key, GgufType type, int depth) throws CheckpointException {
      switch (type) {
        case STRING -> in.skip(in.i64("length"), "metadata string");
        case ARRAY -> {
          GgufType element = readType(key);
          long count = in.i64("length");
          if (depth == MAX_NESTING) {
            throw in.bad(
                "metadata %s nests arrays deeper than %d",
                CheckpointException.printable(key), MAX_NESTING);
          }
          // so that a count beyond the bytes that follow fails at once
          int least = element.byteSize() > 0 ? element.byteSize() : Long.BYTES;
          if (count < 0 || count > in.remaining() / least) {
            throw in.bad(
                "metadata %s has %s elements of %s, but only %d bytes follow",
                CheckpointException.printable(key),
                Long.toUnsignedString(count),
                element,
                in.remaining());
          }
          if (element.byteSize() > 0) {
            in.skip(count * element.byteSize(), "metadata array");
          } else {
            for (long i = 0; i < count; i++) {
              skip(key, element, depth + 1);
            }
          }
        }
        default -> in.skip(type.byteSize(), "metadata value");
      }
    }

    private Declared readTensor() throws CheckpointException {
      String name = readName("name length", "tensor name");
      long axes = in.u32("number of axes");
      if (axes > MAX_AXES) {
        throw bad(name, "has %d axes, expected at most %d", axes, MAX_AXES);
      }
      Long[] shape = new Long[(int) axes];
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        shape[axis] = in.i64("size of an axis");
      }
      long number = in.u32("tensor type");
      StoredType type = GgmlTypes.byNumber(number);
      if (type == null) {
        throw bad(
            name,
            "is stored as %s, expected F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K,"
                + " Q6_K, F64 or an integer",
            GgmlTypes.nameOf(number));
      }
      long offset = in.i64("tensor offset");
      long byteSize;
      String what = source + ": tensor " + CheckpointException.printable(name);
      try {
        byteSize = Shapes.byteCount(what, type, List.of(shape));
      } catch (IllegalArgumentException e) {
        throw new CheckpointException(String.valueOf(e.getMessage()), e);
      }
      return new Declared(name, type, List.of(shape), offset, byteSize);
    }

    private Map<String, TensorEntry> place(List<Declared> declared) throws CheckpointException {
      long alignment = alignment();
      long start = Math.ceilDiv(in.position(), alignment) * alignment;
      long dataBytes = Math.max(in.bytes().byteSize() - start, 0);
      declared.sort(
          Comparator.comparingLong(Declared::offset).thenComparingLong(Declared::byteSize));
      Map<String, TensorEntry> entries = new LinkedHashMap<>();
      long free = 0;
      for (Declared tensor : declared) {
        long offset = tensor.offset();
        if (offset % alignment != 0) {
          throw bad(tensor.name(), "has offset %d, expected a multiple of %d", offset, alignment);
        }
        if (offset < free || offset > dataBytes || tensor.byteSize() > dataBytes - offset) {
          throw bad(
              tensor.name(),
              "has %d bytes (%s %s) at offset %s, expected them in %d to %d, the data that no"
                  + " other tensor has",
              tensor.byteSize(),
              tensor.type(),
              tensor.shape(),
              Long.toUnsignedString(offset),
              free,
              dataBytes);
        }
        MemorySegment bytes =
            tensor.byteSize() == 0
                ? MemorySegment.NULL
                : in.bytes().asSlice(start + offset, tensor.byteSize());
        entries.put(
            tensor.name(),
            new TensorEntry(source, tensor.name(), tensor.type(), tensor.shape(), bytes));
        free = offset + tensor.byteSize();
      }
      return entries;
    }

    private long alignment() throws CheckpointException {
      long alignment = new GgufMetadata(source, values).longOr(ALIGNMENT_KEY, DEFAULT_ALIGNMENT);
      if (alignment <= 0 || alignment > MAX_ALIGNMENT || Long.bitCount(alignment) != 1) {
        throw CheckpointException.of(
            source,
            "%s is %d, expected a power of two up to %d",
            ALIGNMENT_KEY,
            alignment,
            MAX_ALIGNMENT);
      }
      return alignment;
    }

    private CheckpointException bad(String name, String reason, Object... details) {
      return CheckpointException.of(source, "tensor " + escaped(name) + " " + reason, details);
    }

    /** A name may hold what a format string would take for a placeholder. */
    private static String escaped(String name) {
      return CheckpointException.printable(name).replace("%", "%%");
    }
  }
}
