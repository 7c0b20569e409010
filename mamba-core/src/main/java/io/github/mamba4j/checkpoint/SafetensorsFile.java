package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A safetensors file, memory-mapped: an 8-byte little-endian header length, a JSON header that
 * names every tensor with type, shape and byte range, then the bytes.
 *
 * <p>{@link #open} checks the whole header before anything is handed out: its length, its syntax,
 * unknown types, shapes against byte ranges, and that the ranges cover the data without holes and
 * overlaps. So a hostile file costs a bounded amount of memory and ends in a {@link
 * CheckpointException}. Beyond the limits of the format (header at most 100,000,000 bytes) at most
 * 100,000 tensors, as many metadata entries, and 64 axes a tensor are read.
 *
 * <p>Entries may be read from several threads. They become unreadable when the file is closed. The
 * file must not be cut short by another process while it is open, as with every memory map; files
 * replaced by {@link AtomicFiles} are safe, the map keeps the old content.
 */
public final class SafetensorsFile extends CheckpointFile {

  static final long MAX_HEADER_BYTES = 100_000_000;
  static final int LENGTH_BYTES = 8;

  private final Map<String, String> metadata;

  private SafetensorsFile(
      Path path, Arena arena, Map<String, TensorEntry> entries, Map<String, String> metadata) {
    super(path, CheckpointFormat.SAFETENSORS, arena, entries);
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens and checks a file. Tensor bytes are mapped, not read.
   *
   * @param path the file, of any size
   * @return the open file, to be closed by the caller
   * @throws CheckpointException if the file is missing, no regular file, or not a safe safetensors
   *     file
   * @throws IOException if reading or mapping fails
   */
  public static SafetensorsFile open(Path path) throws IOException {
    requireRegularFile(path, "a safetensors file");
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long fileBytes = channel.size();
      long headerBytes = readHeaderLength(path, channel, fileBytes);
      long dataStart = LENGTH_BYTES + headerBytes;
      channel.position(LENGTH_BYTES);
      SafetensorsHeader header =
          SafetensorsHeader.read(path.toString(), channel, headerBytes, fileBytes - dataStart);
      return map(path, channel, header, dataStart, fileBytes - dataStart);
    }
  }

  private static long readHeaderLength(Path path, FileChannel channel, long fileBytes)
      throws IOException {
    ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int count;
    do {
      count = channel.read(length);
    } while (count >= 0 && length.hasRemaining());
    if (length.hasRemaining()) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: has %d bytes, expected at least the 8 of the header length",
              path,
              fileBytes));
    }
    long headerBytes = length.getLong(0);
    if (Long.compareUnsigned(headerBytes, MAX_HEADER_BYTES) > 0) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: header length is %s bytes, expected at most %d; probably not a safetensors file",
              path,
              Long.toUnsignedString(headerBytes),
              MAX_HEADER_BYTES));
    }
    if (headerBytes > fileBytes - LENGTH_BYTES) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: header length is %d bytes, but only %d follow; the file is cut short",
              path,
              headerBytes,
              fileBytes - LENGTH_BYTES));
    }
    return headerBytes;
  }

  private static SafetensorsFile map(
      Path path, FileChannel channel, SafetensorsHeader header, long dataStart, long dataBytes)
      throws IOException {
    Arena arena = Arena.ofShared();
    boolean complete = false;
    try {
      MemorySegment data =
          dataBytes == 0
              ? MemorySegment.NULL
              : channel.map(FileChannel.MapMode.READ_ONLY, dataStart, dataBytes, arena);
      Map<String, TensorEntry> entries = new LinkedHashMap<>();
      for (SafetensorsHeader.Range range : header.ranges()) {
        MemorySegment bytes = data.asSlice(range.begin(), range.end() - range.begin());
        entries.put(
            range.name(),
            new TensorEntry(path.toString(), range.name(), range.type(), range.shape(), bytes));
      }
      SafetensorsFile file = new SafetensorsFile(path, arena, entries, header.metadata());
      complete = true;
      return file;
    } finally {
      if (!complete) {
        arena.close();
      }
    }
  }

  /**
   * The free text pairs of {@code __metadata__}.
   *
   * @return an unmodifiable map, empty where the file has none
   */
  @Override
  public Map<String, String> metadata() {
    return metadata;
  }
}
