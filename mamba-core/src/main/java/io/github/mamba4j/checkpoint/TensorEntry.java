package io.github.mamba4j.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * One named array in a checkpoint file: its type, its shape and its bytes, row-major and
 * little-endian.
 *
 * <p>Elements of a block type lie as {@link QuantizedBlocks} describes, one block after the other
 * along the last axis.
 *
 * <p>The bytes usually lie in a memory-mapped file and are readable until that file is closed;
 * every copy made from them lives on its own.
 *
 * @param source the file it comes from, for messages
 * @param name the key in the file
 * @param type the element type
 * @param shape the sizes of the axes, outermost first; empty for a scalar
 * @param bytes the elements, {@code elementCount() / type.blockElements() * type.blockBytes()}
 *     bytes, read-only
 */
public record TensorEntry(
    String source, String name, StoredType type, List<Long> shape, MemorySegment bytes) {

  /**
   * Checks that the shape fits the bytes.
   *
   * @throws IllegalArgumentException if an axis is negative, the number of elements overflows, the
   *     last axis does not fit the type's blocks, or the segment has another size than shape and
   *     type say
   */
  public TensorEntry {
    shape = List.copyOf(shape);
    long expectedBytes = Shapes.byteCount("TensorEntry: " + name, type, shape);
    if (expectedBytes != bytes.byteSize()) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "TensorEntry: %s has %d bytes, expected %d for %s %s",
              name,
              bytes.byteSize(),
              expectedBytes,
              type,
              shape));
    }
  }

  /**
   * The number of elements: the product of the shape, 1 for a scalar.
   *
   * @return the count, not negative
   */
  public long elementCount() {
    return bytes.byteSize() / type.blockBytes() * type.blockElements();
  }

  /**
   * Whether the shape is exactly the given one.
   *
   * @param dims the sizes of the axes, outermost first
   * @return true if rank and all sizes agree
   */
  public boolean hasShape(long... dims) {
    if (dims.length != shape.size()) {
      return false;
    }
    for (int axis = 0; axis < dims.length; axis++) {
      if (shape.get(axis) != dims[axis]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Demands a shape, as a loader does before it copies.
   *
   * @param dims the expected sizes of the axes, outermost first
   * @return this entry
   * @throws CheckpointException if the shape differs, with file, name and both shapes
   */
  public TensorEntry requireShape(long... dims) throws CheckpointException {
    if (!hasShape(dims)) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor %s has shape %s, expected %s",
              source,
              CheckpointException.printable(name),
              shape,
              Arrays.toString(dims)));
    }
    return this;
  }

  /**
   * Copies the elements as float32; F16, BF16 and the 8-bit types widen exactly, F64 rounds, block
   * types are dequantised.
   *
   * @param floats receives {@code elementCount()} native-order floats from its first byte on;
   *     written
   * @throws CheckpointException if the stored type is not floating
   * @throws IllegalArgumentException if {@code floats} is too small
   */
  public void copyTo(MemorySegment floats) throws CheckpointException {
    requireFloating();
    long count = elementCount();
    if (floats.byteSize() / Float.BYTES < count) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "TensorEntry: %s needs room for %d floats, got %d bytes",
              name,
              count,
              floats.byteSize()));
    }
    if (type == StoredType.F32) {
      MemorySegment.copy(
          bytes, StoredType.FLOAT, 0, floats, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, count);
      return;
    }
    if (type.isBlocked()) {
      QuantizedBlocks.dequantize(type, bytes, floats, count);
      return;
    }
    for (long i = 0; i < count; i++) {
      floats.set(
          ValueLayout.JAVA_FLOAT_UNALIGNED,
          i * Float.BYTES,
          type.floatAt(bytes, i * type.byteSize()));
    }
  }

  /**
   * The elements as a new float array; widening as in {@link #copyTo}.
   *
   * @return {@code elementCount()} floats
   * @throws CheckpointException if the stored type is not floating or the count exceeds an array
   */
  public float[] toFloatArray() throws CheckpointException {
    requireFloating();
    float[] values = new float[arrayLength()];
    copyTo(MemorySegment.ofArray(values));
    return values;
  }

  /**
   * The elements as a new long array; unsigned types widen, U64 keeps its bits, booleans are 0 or
   * 1.
   *
   * @return {@code elementCount()} integers
   * @throws CheckpointException if the stored type is floating or the count exceeds an array
   */
  public long[] toLongArray() throws CheckpointException {
    if (type.isFloating()) {
      throw wrongType("an integer type");
    }
    long[] values = new long[arrayLength()];
    for (int i = 0; i < values.length; i++) {
      values[i] = type.longAt(bytes, (long) i * type.byteSize());
    }
    return values;
  }

  /**
   * The elements as a new int array, as token ids are read.
   *
   * @return {@code elementCount()} integers
   * @throws CheckpointException if the stored type is floating, the count exceeds an array, or a
   *     value does not fit into 32 signed bits
   */
  public int[] toIntArray() throws CheckpointException {
    long[] wide = toLongArray();
    int[] values = new int[wide.length];
    for (int i = 0; i < wide.length; i++) {
      if (wide[i] != (int) wide[i]) {
        throw new CheckpointException(
            String.format(
                Locale.ROOT,
                "%s: tensor %s element %d is %s, expected a 32-bit integer",
                source,
                CheckpointException.printable(name),
                i,
                wide[i]));
      }
      values[i] = (int) wide[i];
    }
    return values;
  }

  /**
   * Demands floating-point elements, as a loader does before it copies.
   *
   * @return this entry
   * @throws CheckpointException if the stored type is an integer or boolean one, with file, name
   *     and type
   */
  public TensorEntry requireFloating() throws CheckpointException {
    if (!type.isFloating()) {
      throw wrongType("a floating type");
    }
    return this;
  }

  private int arrayLength() throws CheckpointException {
    long count = elementCount();
    if (count > Integer.MAX_VALUE - 8) {
      throw new CheckpointException(
          String.format(
              Locale.ROOT,
              "%s: tensor %s has %d elements, more than an array holds; copy it to a segment",
              source,
              CheckpointException.printable(name),
              count));
    }
    return (int) count;
  }

  private CheckpointException wrongType(String expected) {
    return new CheckpointException(
        String.format(
            Locale.ROOT,
            "%s: tensor %s is stored as %s, expected %s",
            source,
            CheckpointException.printable(name),
            type,
            expected));
  }
}
