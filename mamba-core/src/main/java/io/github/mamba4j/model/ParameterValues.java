package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.CheckpointException;
import io.github.mamba4j.checkpoint.TensorEntry;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.tensor.Shape;
import io.github.mamba4j.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where the values of a parameter come from, some rows at a time, on any thread. */
sealed interface ParameterValues {
  /** Returns how many elements a piece that is read must be a multiple of. */
  int blockElements();

  /** Returns the type whose elements {@link #bytes} gives, or null if there are only floats. */
  @Nullable DType type();

  /**
   * Returns elements as they are.
   *
   * @param first which element comes first, a multiple of the block
   * @param count how many elements, a multiple of the block
   * @param scratch room for them, which may be used
   */
  MemorySegment bytes(long first, long count, MemorySegment scratch);

  /**
   * Reads elements as floats.
   *
   * @param first which element comes first, a multiple of the block
   * @param count how many elements, a multiple of the block
   * @param floats room for just them, written
   */
  void floats(long first, long count, MemorySegment floats) throws CheckpointException;

  /**
   * Values in a checkpoint.
   *
   * @param layout the checkpoint
   * @param name the parameter
   * @param entry what holds it, of a floating type
   */
  record Stored(CheckpointLayout layout, String name, TensorEntry entry)
      implements ParameterValues {
    @Override
    public int blockElements() {
      return entry.type().blockElements();
    }

    @Override
    public @Nullable DType type() {
      // Layouts transform small parameters only.
      boolean small = CheckpointLayout.kind(name) == CheckpointLayout.Kind.SMALL;
      return small ? null : Precision.sameBytes(entry.type());
    }

    @Override
    public MemorySegment bytes(long first, long count, MemorySegment scratch) {
      int size = entry.type().blockBytes();
      int elements = entry.type().blockElements();
      return entry.bytes().asSlice(first / elements * size, count / elements * size);
    }

    @Override
    public void floats(long first, long count, MemorySegment floats) throws CheckpointException {
      MemorySegment bytes = bytes(first, count, floats);
      new TensorEntry(entry.source(), entry.name(), entry.type(), List.of(count), bytes)
          .copyTo(floats);
      layout.decode(name, floats);
    }
  }

  /**
   * Values of another model.
   *
   * @param tensor its parameter as one row
   */
  record Copied(Tensor tensor) implements ParameterValues {
    /** Views a parameter. */
    static Copied of(Tensor tensor) {
      int cols = tensor.shape().lastDim();
      int rows = Math.toIntExact(tensor.shape().elements() / cols);
      return new Copied(tensor.reshape(Shape.of(rows, cols)));
    }

    @Override
    public int blockElements() {
      return tensor.shape().lastDim();
    }

    @Override
    public DType type() {
      return tensor.dtype();
    }

    private Tensor rows(long first, long count) {
      int cols = tensor.shape().lastDim();
      return tensor.narrowRows((int) (first / cols), (int) (count / cols));
    }

    @Override
    public MemorySegment bytes(long first, long count, MemorySegment scratch) {
      MemorySegment bytes = scratch.asSlice(0, type().bytes(count));
      rows(first, count).read(bytes);
      return bytes;
    }

    @Override
    public void floats(long first, long count, MemorySegment floats) {
      rows(first, count).readFloats(floats);
    }
  }
}
