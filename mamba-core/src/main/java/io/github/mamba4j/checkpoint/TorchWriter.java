package io.github.mamba4j.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Collects named arrays and writes them as {@code torch.save} writes a state dict: a ZIP archive of
 * stored entries, a pickle of protocol 2 that describes the tensors, and one entry of raw
 * little-endian bytes a storage, each beginning at a multiple of 64 bytes.
 *
 * <p>PyTorch reads the result with {@code weights_only=True}. Arrays are not copied: they are read
 * twice when {@link #write} runs and must be readable until then. Not thread-safe.
 */
public final class TorchWriter {
  private static final String WRITER = "TorchWriter";
  private static final String FOLDER = "archive/";
  private static final int ALIGNMENT = 64;
  private static final int LOCAL_HEADER_BYTES = 30;
  private static final int EXTRA_HEADER_BYTES = 4;

  /** PyTorch's own tag of an extra field that only takes up room. */
  private static final int PADDING_TAG = 0x4246;

  /**
   * Fixed, and late enough: for the first second of 1980 the JDK adds an extra field of its own.
   */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

  private final List<PendingArray> storages = new ArrayList<>();

  /** The storage of each tensor, in the order of the dict. */
  private final Map<String, Integer> tensors = new LinkedHashMap<>();

  /** Creates a writer without tensors. */
  public TorchWriter() {}

  /**
   * Adds float32 values; narrowing rounds to nearest even.
   *
   * @param name the key, unique in the file
   * @param type F32, F16, BF16 or F64
   * @param shape the sizes of the axes, outermost first
   * @param floats row-major native-order floats, exactly as many as the shape says
   * @return this writer
   * @throws IllegalArgumentException if the name is taken, shape or size do not fit, or floats
   *     cannot be stored as {@code type}
   */
  public TorchWriter addFloats(
      String name, StoredType type, List<Long> shape, MemorySegment floats) {
    storageClass(type);
    requireNew(name);
    tensors.put(name, storages.size());
    storages.add(PendingArray.of(WRITER, name, type, shape, floats, true));
    return this;
  }

  /**
   * Adds a tensor that is another one again, as a tied head is the embedding.
   *
   * @param name the key, unique in the file
   * @param other the key of the tensor whose storage and shape it shares
   * @return this writer
   * @throws IllegalArgumentException if the name is taken or the other tensor is not there
   */
  public TorchWriter addShared(String name, String other) {
    requireNew(name);
    Integer storage = tensors.get(other);
    if (storage == null) {
      throw new IllegalArgumentException(WRITER + ": there is no tensor " + other + " to share");
    }
    tensors.put(name, storage);
    return this;
  }

  private void requireNew(String name) {
    if (tensors.containsKey(name)) {
      throw new IllegalArgumentException(WRITER + ": " + name + " is taken, expected a new name");
    }
  }

  /**
   * Writes the file: beside the target, forced to the device, then renamed over it.
   *
   * @param target the file to create or replace
   * @throws IOException if writing fails; an old file is then unchanged and nothing is left behind
   */
  public void write(Path target) throws IOException {
    AtomicFiles.writeFile(
        target,
        out -> {
          Counting counting = new Counting(out);
          ZipOutputStream zip = new ZipOutputStream(counting, StandardCharsets.UTF_8);
          writeBytes(zip, counting, "data.pkl", pickle());
          writeBytes(zip, counting, "byteorder", "little".getBytes(StandardCharsets.US_ASCII));
          byte[] chunk = new byte[PendingArray.CHUNK_BYTES];
          for (int i = 0; i < storages.size(); i++) {
            PendingArray array = storages.get(i);
            CRC32 checksum = new CRC32();
            array.writeTo(new Checksum(checksum), chunk);
            begin(zip, counting, "data/" + i, array.byteSize(), checksum.getValue());
            array.writeTo(zip, chunk);
            zip.closeEntry();
          }
          writeBytes(zip, counting, "version", "3\n".getBytes(StandardCharsets.US_ASCII));
          zip.finish();
        });
  }

  private static void writeBytes(ZipOutputStream zip, Counting out, String name, byte[] bytes)
      throws IOException {
    CRC32 checksum = new CRC32();
    checksum.update(bytes);
    begin(zip, out, name, bytes.length, checksum.getValue());
    zip.write(bytes);
    zip.closeEntry();
  }

  /** Begins an entry whose bytes will lie at a multiple of the alignment. */
  private static void begin(
      ZipOutputStream zip, Counting out, String name, long size, long checksum) throws IOException {
    zip.flush();
    ZipEntry entry = new ZipEntry(FOLDER + name);
    entry.setMethod(ZipEntry.STORED);
    entry.setTimeLocal(TIME);
    entry.setSize(size);
    entry.setCompressedSize(size);
    entry.setCrc(checksum);
    int nameBytes = (FOLDER + name).getBytes(StandardCharsets.UTF_8).length;
    long start = out.count + LOCAL_HEADER_BYTES + nameBytes + EXTRA_HEADER_BYTES;
    int padding = (int) (Math.ceilDiv(start, ALIGNMENT) * ALIGNMENT - start);
    ByteBuffer extra =
        ByteBuffer.allocate(EXTRA_HEADER_BYTES + padding).order(ByteOrder.LITTLE_ENDIAN);
    extra.putShort((short) PADDING_TAG).putShort((short) padding);
    entry.setExtra(extra.array());
    zip.putNextEntry(entry);
  }

  private byte[] pickle() {
    Pickle out = new Pickle();
    out.bytes(0x80, 2);
    out.global("collections", "OrderedDict");
    out.bytes(')', 'R', '(');
    tensors.forEach((name, storage) -> {
      PendingArray array = storages.get(storage);
      long elements = array.byteSize() / array.type().blockBytes();
      out.text(name);
      out.global("torch._utils", "_rebuild_tensor_v2");
      out.bytes('(', '(');
      out.text("storage");
      out.global("torch", storageClass(array.type()));
      out.text(Integer.toString(storage));
      out.text("cpu");
      out.number(elements);
      out.bytes('t', 'Q');
      out.number(0);
      out.tuple(array.shape());
      out.tuple(packedStrides(array.shape()));
      out.bytes(0x89);
      out.global("collections", "OrderedDict");
      out.bytes(')', 'R', 't', 'R');
    });
    out.bytes('u', '.');
    return out.toByteArray();
  }

  private static List<Long> packedStrides(List<Long> shape) {
    Long[] strides = new Long[shape.size()];
    long stride = 1;
    for (int axis = strides.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= Math.max(1, shape.get(axis));
    }
    return List.of(strides);
  }

  private static String storageClass(StoredType type) {
    return switch (type) {
      case F32 -> "FloatStorage";
      case F16 -> "HalfStorage";
      case BF16 -> "BFloat16Storage";
      case F64 -> "DoubleStorage";
      default ->
          throw new IllegalArgumentException(
              WRITER + ": cannot store floats as " + type + ", expected F32, F16, BF16 or F64");
    };
  }

  /** Writes the opcodes of pickle protocol 2 that a state dict needs. */
  private static final class Pickle extends ByteArrayOutputStream {
    void bytes(int... values) {
      for (int value : values) {
        write(value);
      }
    }

    void global(String module, String name) {
      write('c');
      writeBytes((module + '\n' + name + '\n').getBytes(StandardCharsets.US_ASCII));
    }

    void text(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      write('X');
      little(utf8.length, Integer.BYTES);
      writeBytes(utf8);
    }

    /** BININT where it fits, else LONG1 of eight bytes. */
    void number(long value) {
      if (value == (int) value) {
        write('J');
        little(value, Integer.BYTES);
      } else {
        bytes(0x8a, Long.BYTES);
        little(value, Long.BYTES);
      }
    }

    void tuple(List<Long> values) {
      write('(');
      values.forEach(this::number);
      write('t');
    }

    private void little(long value, int count) {
      for (int i = 0; i < count; i++) {
        write((int) (value >>> (8 * i)));
      }
    }
  }

  /** Knows how many bytes went by, so that entries can be aligned. */
  private static final class Counting extends FilterOutputStream {
    private long count;

    Counting(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
      count++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      count += length;
    }
  }

  /** Sums what is written and keeps nothing. */
  private static final class Checksum extends OutputStream {
    private final CRC32 sum;

    Checksum(CRC32 sum) {
      this.sum = sum;
    }

    @Override
    public void write(int value) {
      sum.update(value);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      sum.update(bytes, offset, length);
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%s of %d tensors in %d storages", WRITER, tensors.size(), storages.size());
  }
}
