package io.github.mamba4j.model;

import io.github.mamba4j.checkpoint.StoredType;
import io.github.mamba4j.spi.DType;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * How the large matrices of a model are kept: the embeddings, the head and each mixer's input and
 * output projection, which are read whole for every token. All arithmetic is in float32; they are
 * widened as they are read.
 *
 * <p>Everything else, which is small and sensitive, keeps the numbers of the file whatever the
 * precision: Mamba-1's projections to step size, B and C as the file has them, if that is F32, F16
 * or BF16; and as float32 in memory A, D, the convolution, norms and biases, and the states.
 *
 * <p>On a machine whose byte order is not that of the files (big-endian) every precision is {@link
 * #F32}.
 */
public enum Precision {
  /**
   * As the file has them, if that is F32, F16, BF16 or Q8_0; other types are widened exactly to
   * float32 in memory. Nothing is copied: the file is mapped, so that a model opens in milliseconds
   * and its pages are shared by all processes that use it.
   *
   * <p>The file must not be changed or cut short while the model is open; files that are replaced
   * as a whole, as {@link MambaModel#save(java.nio.file.Path)} does, are safe. Windows does not
   * replace or delete a mapped file: load with {@link #F32} there what is to be overwritten.
   */
  STORED,

  /** Float32 in memory, the only one that can be trained. */
  F32,

  /** The upper halves of 32-bit floats, 2 bytes a weight, rounded to nearest even. */
  BF16,

  /** IEEE half precision, 2 bytes a weight, rounded to nearest even; finite up to 65504. */
  F16,

  /**
   * Blocks of 32 integers of 8 bits with a common scale, 34 bytes a block, as GGUF's Q8_0; see
   * {@link io.github.mamba4j.checkpoint.QuantizedBlocks#quantizeQ80}. A matrix whose rows are no
   * multiple of 32 stays float32.
   */
  INT8;

  private static final boolean FILE_ORDER = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

  /**
   * Returns how a parameter is kept.
   *
   * @param type the type it comes in, null if kernels have no such type
   * @param kind what may be done with it
   * @param cols the size of its last axis
   */
  DType kept(@Nullable DType type, CheckpointLayout.Kind kind, int cols) {
    if (this == F32 || kind == CheckpointLayout.Kind.SMALL || !FILE_ORDER) {
      return DType.F32;
    }
    if (kind == CheckpointLayout.Kind.PROJECTION) {
      // Widened exactly as they are read; never rounded.
      return type == DType.BF16 || type == DType.F16 ? type : DType.F32;
    }
    DType wanted =
        switch (this) {
          case STORED -> type == null ? DType.F32 : type;
          case F32 -> DType.F32;
          case BF16 -> DType.BF16;
          case F16 -> DType.F16;
          case INT8 -> DType.INT8;
        };
    return cols % wanted.blockElements() == 0 ? wanted : DType.F32;
  }

  /** Returns the type whose elements are those of a file, byte by byte; null if there is none. */
  static @Nullable DType sameBytes(StoredType type) {
    if (!FILE_ORDER) {
      return null;
    }
    return switch (type) {
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      case Q8_0 -> DType.INT8;
      default -> null;
    };
  }

  /** Returns the type in which a file has elements of a type. */
  static StoredType stored(DType type) {
    return switch (type) {
      case F32 -> StoredType.F32;
      case F16 -> StoredType.F16;
      case BF16 -> StoredType.BF16;
      case INT8 -> StoredType.Q8_0;
      case I32 -> StoredType.I32;
    };
  }
}
