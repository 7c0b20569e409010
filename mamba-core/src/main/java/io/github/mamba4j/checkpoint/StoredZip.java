package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The directory of a ZIP or ZIP64 archive whose entries are all stored uncompressed, read in place:
 * an entry is a slice of the archive's bytes. Nothing is extracted, so nothing can blow up.
 *
 * <p>The central directory alone is believed (the local headers of streamed archives lack sizes); a
 * local header only says where its data begins. Entries must not overlap.
 */
final class StoredZip {

  private static final int END_BYTES = 22;
  private static final int MAX_COMMENT_BYTES = 0xffff;
  private static final int END_SIGNATURE = 0x06054b50;
  private static final int LOCATOR_SIGNATURE = 0x07064b50;
  private static final int LOCATOR_BYTES = 20;
  private static final int END64_SIGNATURE = 0x06064b50;
  private static final int CENTRAL_SIGNATURE = 0x02014b50;
  private static final int LOCAL_SIGNATURE = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final int MAX_ENTRIES = 2 * CheckpointFile.MAX_TENSORS;
  private static final int MAX_NAME_BYTES = 4096;

  /** Three times what the most entries with customary names take. */
  private static final int MAX_DIRECTORY_BYTES = 64 << 20;

  private static final long ESCAPE32 = 0xffffffffL;
  private static final int ESCAPE16 = 0xffff;
  private static final int ENCRYPTED_FLAG = 1;
  private static final int STORED_METHOD = 0;

  /** Where an entry's header lies in the archive, and how many bytes its data has. */
  private record Declared(String name, long headerOffset, long size) {}

  /** Where the central directory lies. */
  private record Directory(long offset, long size, long entries) {}

  private final String source;
  private final MemorySegment archive;
  private final ByteCursor in;
  private final Map<String, MemorySegment> entries = new LinkedHashMap<>();

  private StoredZip(String source, MemorySegment archive) {
    this.source = source;
    this.archive = archive;
    this.in = new ByteCursor(source, archive, 0);
  }

  /** The data of all entries by name in the order of the directory; folders are left out. */
  static Map<String, MemorySegment> read(String source, MemorySegment archive)
      throws CheckpointException {
    StoredZip zip = new StoredZip(source, archive);
    Directory directory = zip.findDirectory();
    List<Declared> declared = zip.readDirectory(directory);
    zip.locateData(declared, directory.offset());
    return zip.entries;
  }

  private Directory findDirectory() throws CheckpointException {
    long last = archive.byteSize() - END_BYTES;
    for (long at = last; at >= 0 && at >= last - MAX_COMMENT_BYTES; at--) {
      if (archive.get(StoredType.INT, at) == END_SIGNATURE
          && Short.toUnsignedLong(archive.get(StoredType.SHORT, at + END_BYTES - 2)) == last - at) {
        return readEnd(at);
      }
    }
    throw CheckpointException.of(
        source,
        "has no ZIP end record in its %d bytes, expected one; the file is cut short",
        archive.byteSize());
  }

  private Directory readEnd(long end) throws CheckpointException {
    in.moveTo(end + 4);
    boolean oneDisk = in.i32("disk numbers") == 0;
    int onDisk = in.u16("entry count");
    long entries = in.u16("entry count");
    long size = in.u32("directory size");
    long offset = in.u32("directory offset");
    Directory directory = new Directory(offset, size, entries);
    long limit = end;
    if (offset == ESCAPE32 || size == ESCAPE32 || entries == ESCAPE16) {
      long end64 = findEnd64(end - LOCATOR_BYTES);
      directory = readEnd64(end64);
      limit = end64;
    } else if (!oneDisk || onDisk != entries) {
      throw CheckpointException.of(
          source, "is one disk of a split ZIP archive, expected all of it");
    }
    if (directory.offset() < 0
        || directory.size() < 0
        || directory.offset() > limit
        || directory.size() > limit - directory.offset()) {
      throw CheckpointException.of(
          source,
          "ZIP directory is at byte %s with %s bytes, expected it to end before byte %d",
          Long.toUnsignedString(directory.offset()),
          Long.toUnsignedString(directory.size()),
          limit);
    }
    if (directory.size() > MAX_DIRECTORY_BYTES) {
      throw CheckpointException.of(
          source,
          "ZIP directory has %d bytes, expected at most %d",
          directory.size(),
          MAX_DIRECTORY_BYTES);
    }
    if (directory.entries() < 0 || directory.entries() > MAX_ENTRIES) {
      throw CheckpointException.of(
          source,
          "ZIP directory has %s entries, expected at most %d",
          Long.toUnsignedString(directory.entries()),
          MAX_ENTRIES);
    }
    return directory;
  }

  private long findEnd64(long locator) throws CheckpointException {
    if (locator < 0 || archive.get(StoredType.INT, locator) != LOCATOR_SIGNATURE) {
      throw CheckpointException.of(
          source, "ZIP end record asks for a ZIP64 one, expected its locator at byte %d", locator);
    }
    in.moveTo(locator + 8);
    long end64 = in.i64("ZIP64 end offset");
    if (end64 < 0 || end64 >= locator) {
      throw CheckpointException.of(
          source,
          "ZIP64 end record is at byte %s, expected it before byte %d",
          Long.toUnsignedString(end64),
          locator);
    }
    return end64;
  }

  private Directory readEnd64(long end64) throws CheckpointException {
    in.moveTo(end64);
    if (in.i32("ZIP64 end record") != END64_SIGNATURE) {
      throw CheckpointException.of(source, "has no ZIP64 end record at byte %d", end64);
    }
    in.take(20, "ZIP64 end record");
    long onDisk = in.i64("ZIP64 entry count");
    long entries = in.i64("ZIP64 entry count");
    if (onDisk != entries) {
      throw CheckpointException.of(
          source, "is one disk of a split ZIP archive, expected all of it");
    }
    long size = in.i64("ZIP64 directory size");
    return new Directory(in.i64("ZIP64 directory offset"), size, entries);
  }

  private List<Declared> readDirectory(Directory directory) throws CheckpointException {
    ByteCursor central =
        new ByteCursor(
            source, archive.asSlice(directory.offset(), directory.size()), directory.offset());
    List<Declared> declared = new ArrayList<>();
    for (long i = 0; i < directory.entries(); i++) {
      declared.add(readEntry(central));
    }
    if (central.remaining() != 0) {
      throw central.bad(
          "ZIP directory goes on for %d bytes after its %d entries",
          central.remaining(), directory.entries());
    }
    return declared;
  }

  private Declared readEntry(ByteCursor central) throws CheckpointException {
    if (central.i32("ZIP directory entry") != CENTRAL_SIGNATURE) {
      throw central.bad("ZIP directory entry has a wrong signature");
    }
    central.i32("versions");
    int flags = central.u16("flags");
    int method = central.u16("method");
    central.take(8, "time and checksum");
    long stored = central.u32("stored size");
    long size = central.u32("size");
    int nameBytes = central.u16("name length");
    int extraBytes = central.u16("extra length");
    int commentBytes = central.u16("comment length");
    central.take(8, "attributes");
    long offset = central.u32("header offset");
    String name = central.utf8(nameBytes, MAX_NAME_BYTES, "entry name");
    ByteCursor extra = new ByteCursor(source, central.take(extraBytes, "extra field"), 0);
    central.take(commentBytes, "comment");
    String shown = CheckpointException.printable(name);
    if (size == ESCAPE32 || stored == ESCAPE32 || offset == ESCAPE32) {
      findZip64(extra, shown);
      size = size == ESCAPE32 ? extra.i64("ZIP64 size") : size;
      stored = stored == ESCAPE32 ? extra.i64("ZIP64 stored size") : stored;
      offset = offset == ESCAPE32 ? extra.i64("ZIP64 header offset") : offset;
    }
    if (method != STORED_METHOD || stored != size) {
      throw CheckpointException.of(
          source,
          "entry %s is compressed (method %d, %s bytes for %s), expected it stored as it is",
          shown,
          method,
          Long.toUnsignedString(stored),
          Long.toUnsignedString(size));
    }
    if ((flags & ENCRYPTED_FLAG) != 0) {
      throw CheckpointException.of(source, "entry %s is encrypted", shown);
    }
    return new Declared(name, offset, size);
  }

  /** Moves to the values of the ZIP64 block; blocks are an id, a length and that many bytes. */
  private void findZip64(ByteCursor extra, String shown) throws CheckpointException {
    while (extra.remaining() >= 4) {
      int id = extra.u16("extra id");
      int length = extra.u16("extra length");
      if (id == 1) {
        return;
      }
      extra.take(length, "extra block");
    }
    throw CheckpointException.of(source, "entry %s has no ZIP64 sizes, expected them", shown);
  }

  private void locateData(List<Declared> declared, long directoryOffset)
      throws CheckpointException {
    Map<Declared, MemorySegment> data = new LinkedHashMap<>();
    List<Declared> byOffset = new ArrayList<>(declared);
    byOffset.sort(Comparator.comparingLong(Declared::headerOffset));
    long free = 0;
    for (Declared entry : byOffset) {
      String shown = CheckpointException.printable(entry.name());
      long header = entry.headerOffset();
      if (header < free || header > directoryOffset - LOCAL_BYTES) {
        throw CheckpointException.of(
            source,
            "entry %s begins at byte %s, expected %d to %d; it overlaps another or lies outside",
            shown,
            Long.toUnsignedString(header),
            free,
            directoryOffset - LOCAL_BYTES);
      }
      in.moveTo(header);
      if (in.i32("local header") != LOCAL_SIGNATURE) {
        throw CheckpointException.of(
            source, "entry %s has no ZIP header at byte %d", shown, header);
      }
      in.take(22, "local header");
      long begin = header + LOCAL_BYTES + in.u16("name length") + in.u16("extra length");
      if (begin > directoryOffset || entry.size() < 0 || entry.size() > directoryOffset - begin) {
        throw CheckpointException.of(
            source,
            "entry %s has %s bytes from byte %d on, expected it to end before byte %d",
            shown,
            Long.toUnsignedString(entry.size()),
            begin,
            directoryOffset);
      }
      data.put(entry, archive.asSlice(begin, entry.size()));
      free = begin + entry.size();
    }
    for (Declared entry : declared) {
      boolean folder = entry.name().endsWith("/");
      if (!folder && entries.put(entry.name(), data.get(entry)) != null) {
        throw CheckpointException.of(
            source,
            "has two entries %s, expected one",
            CheckpointException.printable(entry.name()));
      }
    }
  }
}
