package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.Storage;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Off-heap memory as the CPU backend sees it. Element accesses are native-endian. */
final class CpuStorage implements Storage {
  /** Floats as every kernel reads them; unaligned because mapped files align to 4 bytes or less. */
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Token ids as every kernel reads them. */
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** 16-bit weights as every kernel reads them. */
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final MemorySegment segment;
  private volatile boolean freed;

  CpuStorage(MemorySegment segment) {
    this.segment = segment;
  }

  /** Returns the memory. */
  MemorySegment segment() {
    return segment;
  }

  /** Says that nobody may use the memory any more. */
  void free() {
    freed = true;
  }

  /**
   * For tasks that reach memory without checks: what is in use when a task asks stays so until the
   * task ends, see {@link CpuBackend#free}.
   *
   * @throws IllegalStateException if the memory was freed
   */
  void requireInUse() {
    if (freed) {
      throw new IllegalStateException(
          "CpuBackend: a block of "
              + byteSize()
              + " bytes was freed, it may not be used any more; close models and states when their"
              + " work has ended");
    }
  }

  @Override
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * Returns the memory behind a view; the view's offset still applies.
   *
   * @throws IllegalStateException if the memory was freed, see {@link #requireInUse}
   */
  static MemorySegment of(View view) {
    CpuStorage storage = (CpuStorage) view.storage();
    storage.requireInUse();
    return storage.segment;
  }

  /**
   * Checks that rows lie inside the memory of a view, for tasks that reach it without checks.
   *
   * @param view 32-bit floats, or null for nothing to check
   * @param rows how many, positive
   * @param columns elements of a row, positive
   */
  static void requireInside(@Nullable View view, long rows, long columns) {
    if (view == null) {
      return;
    }
    long end = view.offset() + (rows - 1) * view.stride() + columns;
    if (view.offset() < 0 || view.stride() < 0 || end * Float.BYTES > view.storage().byteSize()) {
      throw new IndexOutOfBoundsException(
          "CpuBackend: rows lie at elements "
              + view.offset()
              + " to "
              + end
              + " of "
              + view.storage().byteSize() / Float.BYTES);
    }
  }

  /** The same for where results go. */
  static void requireInside(@Nullable Sink sink, long rows, long columns) {
    requireInside(sink == null ? null : sink.view(), rows, columns);
  }

  static float get(MemorySegment segment, long index) {
    return segment.get(FLOAT, index << 2);
  }

  static void set(MemorySegment segment, long index, float value) {
    segment.set(FLOAT, index << 2, value);
  }

  static int getInt(MemorySegment segment, long index) {
    return segment.get(INT, index << 2);
  }

  /** Returns an element of a floating type as a 32-bit float; the index counts elements. */
  static float widened(DType type, MemorySegment segment, long index) {
    return switch (type) {
      case F32 -> get(segment, index);
      case BF16 -> Float.intBitsToFloat(segment.get(SHORT, index << 1) << Short.SIZE);
      case F16 -> Float.float16ToFloat(segment.get(SHORT, index << 1));
      case INT8 -> getInt8(segment, index);
      case I32 -> throw new IllegalArgumentException("CpuStorage: type is I32, expected floats");
    };
  }

  /** Returns the bits of the next BF16 to a float, of two equally near the even one. */
  static short bf16(float value) {
    int bits = Float.floatToIntBits(value);
    int up = Float.isNaN(value) ? 0 : 0x7fff + ((bits >>> Short.SIZE) & 1);
    return (short) ((bits + up) >>> Short.SIZE);
  }

  private static float getInt8(MemorySegment segment, long index) {
    long block = DType.INT8.bytes(index & -DType.INT8.blockElements());
    int within = (int) index & (DType.INT8.blockElements() - 1);
    float scale = Float.float16ToFloat(segment.get(SHORT, block));
    return scale * segment.get(ValueLayout.JAVA_BYTE, block + Short.BYTES + within);
  }
}
