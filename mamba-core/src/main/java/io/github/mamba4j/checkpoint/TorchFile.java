package io.github.mamba4j.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A state dict as {@code torch.save} writes it since version 1.6, memory-mapped: an uncompressed
 * ZIP archive of a pickle that describes the tensors, and one entry of raw bytes for each storage.
 *
 * <p>The pickle is interpreted, never executed: it may hold a dict from name to tensor and nothing
 * else. Tensors that share a storage (tied weights) share its bytes. A tensor whose strides are not
 * those of a packed row-major array (a transposed one) is copied into native memory when the file
 * is opened; all copies together are at most as large as the file.
 */
public final class TorchFile extends CheckpointFile {

  private static final String PICKLE = "data.pkl";
  private static final String BYTE_ORDER = "byteorder";

  private TorchFile(Path path, Arena arena, Map<String, TensorEntry> entries) {
    super(path, CheckpointFormat.TORCH, arena, entries);
  }

  /**
   * Opens and checks a file. Storages are mapped, not read.
   *
   * @param path the file, of any size
   * @return the open file, to be closed by the caller
   * @throws CheckpointException if the file is missing, no such archive, compressed, big-endian,
   *     damaged, or its pickle names anything but plain tensors
   * @throws IOException if reading or mapping fails
   */
  public static TorchFile open(Path path) throws IOException {
    requireRegularFile(path, "a PyTorch file");
    Arena arena = Arena.ofShared();
    boolean complete = false;
    try {
      TorchFile file = read(path, ByteCursor.map(path, arena), arena);
      complete = true;
      return file;
    } finally {
      if (!complete) {
        arena.close();
      }
    }
  }

  /** Checks bytes that belong to an arena, which the file closes. */
  static TorchFile read(Path path, MemorySegment bytes, Arena arena) throws CheckpointException {
    return new TorchFile(path, arena, new Views(path.toString(), bytes, arena).entries());
  }

  /**
   * PyTorch files carry no text.
   *
   * @return an empty map
   */
  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  /** Turns what the pickle says into checked entries over the archive's bytes. */
  private static final class Views {

    private final String source;
    private final Arena arena;
    private final Map<String, MemorySegment> archive;
    private final String folder;
    private long copyBytesLeft;

    Views(String source, MemorySegment file, Arena arena) throws CheckpointException {
      this.source = source;
      this.arena = arena;
      this.archive = StoredZip.read(source, file);
      this.folder = findFolder();
      this.copyBytesLeft = file.byteSize();
    }

    /** The archive's only top folder has a name of its own choice. */
    private String findFolder() throws CheckpointException {
      List<String> folders = new ArrayList<>();
      for (String name : archive.keySet()) {
        int slash = name.indexOf('/');
        if (slash >= 0 && name.substring(slash + 1).equals(PICKLE)) {
          folders.add(name.substring(0, slash + 1));
        }
      }
      if (folders.size() != 1) {
        throw CheckpointException.of(
            source,
            "has %d entries <folder>/%s, expected one; is it a file of torch.save?",
            folders.size(),
            PICKLE);
      }
      return folders.getFirst();
    }

    private MemorySegment entryBytes(String name) throws CheckpointException {
      MemorySegment bytes = archive.get(folder + name);
      if (bytes == null) {
        throw CheckpointException.of(
            source, "has no entry %s%s", folder, CheckpointException.printable(name));
      }
      return bytes;
    }

    Map<String, TensorEntry> entries() throws CheckpointException {
      requireLittleEndian();
      Map<String, TorchTensor> tensors = PickleReader.readStateDict(source, entryBytes(PICKLE));
      if (tensors.size() > MAX_TENSORS) {
        throw CheckpointException.of(source, "declares more than %d tensors", MAX_TENSORS);
      }
      Map<String, TensorEntry> entries = new LinkedHashMap<>();
      for (Map.Entry<String, TorchTensor> tensor : tensors.entrySet()) {
        entries.put(tensor.getKey(), entry(tensor.getKey(), tensor.getValue()));
      }
      return entries;
    }

    private void requireLittleEndian() throws CheckpointException {
      MemorySegment order = archive.get(folder + BYTE_ORDER);
      byte[] little = "little".getBytes(StandardCharsets.US_ASCII);
      if (order != null && order.mismatch(MemorySegment.ofArray(little)) >= 0) {
        throw CheckpointException.of(
            source, "has another %s than little, expected little-endian storages", BYTE_ORDER);
      }
    }

    private TensorEntry entry(String name, TorchTensor tensor) throws CheckpointException {
      String what = "tensor " + CheckpointException.printable(name);
      TorchStorage storage = tensor.storage();
      MemorySegment bytes = entryBytes("data/" + storage.key());
      int width = storage.type().byteSize();
      if (bytes.byteSize() % width != 0 || bytes.byteSize() / width != storage.elements()) {
        throw CheckpointException.of(
            source,
            "%s has a storage %s of %d bytes, expected %d elements of %s",
            what,
            CheckpointException.printable(storage.key()),
            bytes.byteSize(),
            storage.elements(),
            storage.type());
      }
      long packedBytes = check(what, tensor);
      MemorySegment values;
      if (packedBytes == 0) {
        values = bytes.asSlice(0, 0);
      } else if (isPacked(tensor)) {
        values = bytes.asSlice(tensor.offset() * width, packedBytes);
      } else {
        values = copy(what, tensor, bytes, packedBytes);
      }
      return new TensorEntry(source, name, storage.type(), tensor.shape(), values);
    }

    /** Checks that every element lies in the storage; returns the bytes of the packed array. */
    private long check(String what, TorchTensor tensor) throws CheckpointException {
      long packedBytes;
      try {
        packedBytes =
            Shapes.byteCount(source + ": " + what, tensor.storage().type(), tensor.shape());
      } catch (IllegalArgumentException e) {
        throw new CheckpointException(String.valueOf(e.getMessage()), e);
      }
      boolean inside =
          tensor.shape().size() == tensor.strides().size()
              && tensor.offset() >= 0
              && tensor.offset() <= tensor.storage().elements();
      if (inside && packedBytes > 0) {
        long left = tensor.storage().elements() - 1 - tensor.offset();
        for (int axis = 0; axis < tensor.shape().size(); axis++) {
          long steps = tensor.shape().get(axis) - 1;
          long stride = tensor.strides().get(axis);
          inside &= stride >= 0 && (stride == 0 || steps <= Math.max(left, 0) / stride);
          left -= inside ? steps * stride : 0;
        }
        inside &= left >= 0;
      }
      if (!inside) {
        throw CheckpointException.of(
            source,
            "%s has shape %s, strides %s and offset %d, expected a view of its storage of %d"
                + " elements",
            what,
            tensor.shape(),
            tensor.strides(),
            tensor.offset(),
            tensor.storage().elements());
      }
      return packedBytes;
    }

    /** The stride of an axis of size 1 is of no interest, as in PyTorch. */
    private static boolean isPacked(TorchTensor tensor) {
      long expected = 1;
      for (int axis = tensor.shape().size() - 1; axis >= 0; axis--) {
        long size = tensor.shape().get(axis);
        if (size != 1 && tensor.strides().get(axis) != expected) {
          return false;
        }
        expected *= size;
      }
      return true;
    }

    private MemorySegment copy(
        String what, TorchTensor tensor, MemorySegment storage, long packedBytes)
        throws CheckpointException {
      if (packedBytes > copyBytesLeft) {
        throw CheckpointException.of(
            source,
            "%s with shape %s and strides %s needs a packed copy of %d bytes, expected at most %d:"
                + " all copies together as large as the file",
            what,
            tensor.shape(),
            tensor.strides(),
            packedBytes,
            copyBytesLeft);
      }
      copyBytesLeft -= packedBytes;
      MemorySegment packed;
      try {
        packed = arena.allocate(packedBytes, 64);
      } catch (OutOfMemoryError e) {
        throw new CheckpointException(
            source
                + ": "
                + what
                + " needs a packed copy of "
                + packedBytes
                + " bytes, which this JVM does not have; raise -XX:MaxDirectMemorySize",
            e);
      }
      gather(tensor, storage, packed);
      return packed.asReadOnly();
    }

    /** Walks the elements in row-major order with one counter an axis. */
    private static void gather(TorchTensor tensor, MemorySegment storage, MemorySegment packed) {
      int width = tensor.storage().type().byteSize();
      int axes = 0;
      long[] sizes = new long[tensor.shape().size()];
      long[] strides = new long[sizes.length];
      for (int axis = 0; axis < sizes.length; axis++) {
        if (tensor.shape().get(axis) != 1) {
          sizes[axes] = tensor.shape().get(axis);
          strides[axes++] = tensor.strides().get(axis) * width;
        }
      }
      long[] index = new long[axes];
      long from = tensor.offset() * width;
      for (long to = 0; to < packed.byteSize(); to += width) {
        copyElement(storage, from, packed, to, width);
        for (int axis = axes - 1; axis >= 0; axis--) {
          from += strides[axis];
          if (++index[axis] < sizes[axis]) {
            break;
          }
          from -= sizes[axis] * strides[axis];
          index[axis] = 0;
        }
      }
    }

    private static void copyElement(
        MemorySegment from, long at, MemorySegment to, long target, int width) {
      switch (width) {
        case 1 -> to.set(ValueLayout.JAVA_BYTE, target, from.get(ValueLayout.JAVA_BYTE, at));
        case 2 -> to.set(StoredType.SHORT, target, from.get(StoredType.SHORT, at));
        case 4 -> to.set(StoredType.INT, target, from.get(StoredType.INT, at));
        default -> to.set(StoredType.LONG, target, from.get(StoredType.LONG, at));
      }
    }
  }
}
