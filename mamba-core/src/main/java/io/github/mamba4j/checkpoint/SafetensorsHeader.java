package io.github.mamba4j.checkpoint;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;

/**
 * The JSON header of a safetensors file, read token by token so that a hostile one never becomes a
 * tree in memory.
 */
final class SafetensorsHeader {

  static final int MAX_TENSORS = 100_000;
  static final int MAX_AXES = 64;
  static final String METADATA_KEY = "__metadata__";
  private static final int MAX_STRING_CHARS = 10_000_000;
  private static final int MAX_NAME_CHARS = 10_000;

  /** One tensor's declaration; the range is relative to the first byte after the header. */
  record Range(String name, StoredType type, List<Long> shape, long begin, long end) {}

  private final String source;
  private final long dataBytes;
  private final JsonParser parser;
  private final List<Range> ranges = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private SafetensorsHeader(String source, long dataBytes, JsonParser parser) {
    this.source = source;
    this.dataBytes = dataBytes;
    this.parser = parser;
  }

  /** Reads and checks the header that starts at the channel's position. */
  static SafetensorsHeader read(
      String source, FileChannel channel, long headerBytes, long dataBytes) throws IOException {
    StreamReadConstraints limits =
        StreamReadConstraints.builder()
            .maxNestingDepth(Json.MAX_DEPTH)
            .maxNameLength(MAX_NAME_CHARS)
            .maxStringLength(MAX_STRING_CHARS)
            .build();
    InputStream limited = new Limited(Channels.newInputStream(channel), headerBytes);
    Reader reader = Json.utf8Reader(limited);
    try (JsonParser parser = Json.open(reader, limits)) {
      SafetensorsHeader header = new SafetensorsHeader(source, dataBytes, parser);
      header.readTop();
      header.checkCoverage();
      return header;
    } catch (JacksonException e) {
      throw Json.failure(source + ": header", e);
    }
  }

  /** The tensors in the order of their bytes. */
  List<Range> ranges() {
    return ranges;
  }

  Map<String, String> metadata() {
    return metadata;
  }

  private void readTop() throws CheckpointException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw bad("header is no JSON object, expected {\"name\": {...}, ...}");
    }
    Set<String> names = new HashSet<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      if (!names.add(name)) {
        throw bad("tensor " + CheckpointException.printable(name) + " is declared twice");
      }
      if (names.size() > MAX_TENSORS) {
        throw bad("declares more than " + MAX_TENSORS + " tensors");
      }
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw bad(name, "is declared as " + parser.currentToken() + ", expected an object");
      }
      if (name.equals(METADATA_KEY)) {
        readMetadata();
      } else {
        ranges.add(readTensor(name));
      }
    }
    if (parser.nextToken() != null) {
      throw bad("header goes on after its JSON object, expected only spaces");
    }
  }

  private void readMetadata() throws CheckpointException {
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (parser.nextToken() != JsonToken.VALUE_STRING) {
        throw bad(
            METADATA_KEY
                + " entry "
                + CheckpointException.printable(key)
                + " is no string, expected text pairs");
      }
      if (metadata.put(key, parser.getString()) != null) {
        throw bad(METADATA_KEY + " has the key " + CheckpointException.printable(key) + " twice");
      }
      if (metadata.size() > MAX_TENSORS) {
        throw bad(METADATA_KEY + " has more than " + MAX_TENSORS + " entries");
      }
    }
  }

  private Range readTensor(String name) throws CheckpointException {
    StoredType type = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "dtype" -> {
          refuseSecond(name, key, type);
          type = readType(name);
        }
        case "shape" -> {
          refuseSecond(name, key, shape);
          shape = readIntegers(name, key, MAX_AXES);
        }
        case "data_offsets" -> {
          refuseSecond(name, key, offsets);
          offsets = readIntegers(name, key, 2);
        }
        default -> parser.skipChildren();
      }
    }
    if (type == null || shape == null || offsets == null) {
      String missing = type == null ? "dtype" : shape == null ? "shape" : "data_offsets";
      throw bad(name, "has no " + missing + ", expected dtype, shape and data_offsets");
    }
    return checkRange(name, type, shape, offsets);
  }

  private Range checkRange(String name, StoredType type, List<Long> shape, List<Long> offsets)
      throws CheckpointException {
    if (offsets.size() != 2) {
      throw bad(name, "has data_offsets " + offsets + ", expected [begin, end]");
    }
    long begin = offsets.getFirst();
    long end = offsets.getLast();
    if (begin > end || end > dataBytes) {
      throw bad(
          name,
          String.format(
              Locale.ROOT,
              "has data_offsets %s, expected 0 <= begin <= end <= %d (the data in the file)",
              offsets,
              dataBytes));
    }
    long expected;
    try {
      expected = Shapes.byteCount(source + ": tensor " + printable(name), type, shape);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(String.valueOf(e.getMessage()), e);
    }
    if (expected != end - begin) {
      throw bad(
          name,
          String.format(
              Locale.ROOT,
              "has shape %s of %s, expected %d bytes, but data_offsets %s hold %d",
              shape,
              type,
              expected,
              offsets,
              end - begin));
    }
    return new Range(name, type, shape, begin, end);
  }

  /** The ranges must follow each other from 0 to the end of the file. */
  private void checkCoverage() throws CheckpointException {
    ranges.sort(Comparator.comparingLong(Range::begin).thenComparingLong(Range::end));
    long covered = 0;
    for (Range range : ranges) {
      if (range.begin() != covered) {
        String fault = range.begin() < covered ? "overlaps another one" : "leaves a hole before it";
        throw bad(
            range.name(),
            String.format(
                Locale.ROOT, "%s: it begins at %d, expected %d", fault, range.begin(), covered));
      }
      covered = range.end();
    }
    if (covered != dataBytes) {
      throw bad(
          String.format(
              Locale.ROOT,
              "tensors cover %d bytes of data, expected all %d in the file",
              covered,
              dataBytes));
    }
  }

  private StoredType readType(String name) throws CheckpointException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw bad(name, "has a dtype that is no string, expected for instance \"F32\"");
    }
    String text = parser.getString();
    StoredType type = StoredType.byName(text);
    if (type == null) {
      throw bad(
          name,
          String.format(
              Locale.ROOT,
              "has the unknown dtype %s, expected one of %s",
              printable(text),
              StoredType.PLAIN));
    }
    return type;
  }

  private List<Long> readIntegers(String name, String key, int limit) throws CheckpointException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw bad(name, "has a " + key + " that is no array, expected integers");
    }
    List<Long> values = new ArrayList<>(4);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
        throw bad(name, "has a " + key + " with a non-integer, expected integers");
      }
      long value = parser.getLongValue();
      if (value < 0) {
        throw bad(name, "has a " + key + " with " + value + ", expected no negative number");
      }
      if (values.size() == limit) {
        throw bad(name, "has a " + key + " with more than " + limit + " numbers");
      }
      values.add(value);
    }
    return List.copyOf(values);
  }

  private void refuseSecond(String name, String key, @Nullable Object earlier)
      throws CheckpointException {
    if (earlier != null) {
      throw bad(name, "has two members " + key + ", expected one");
    }
  }

  private CheckpointException bad(String name, String reason) {
    return bad("tensor " + printable(name) + " " + reason);
  }

  private CheckpointException bad(String reason) {
    return new CheckpointException(source + ": " + reason);
  }

  private static String printable(String text) {
    return CheckpointException.printable(text);
  }

  /** Ends after a number of bytes and leaves the stream below open. */
  private static final class Limited extends FilterInputStream {

    private long left;

    Limited(InputStream in, long left) {
      super(in);
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = in.read(target, offset, (int) Math.min(length, left));
      left -= Math.max(count, 0);
      return count;
    }

    @Override
    public void close() {
      // the channel belongs to the caller
    }
  }
}
