package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;

import io.github.mamba4j.spi.DType;
import java.lang.foreign.MemorySegment;

/**
 * One task of a product with few rows: dot products of all left rows with some right rows.
 *
 * <p>A single left row meets bfloat16 and 8-bit weights as they lie, widened in registers, because
 * reading them is the work. Half-precision weights, and all narrow weights where there are several
 * left rows, are widened once into the worker's memory, which L1 or L2 holds, and multiplied there.
 * For one type each sum is made in one order, whatever the number of left rows.
 */
final class VectorDotTask {
  /** Vectors that {@link VectorDots} leaves at most. */
  private static final long SUM_FLOATS = 16L * LANES;

  private VectorDotTask() {}

  /**
   * Computes some columns of an item's result.
   *
   * @param call the product
   * @param item which matrix of the batch
   * @param from first column
   * @param to end of the columns
   * @param scratch the worker's memory
   */
  static void run(MatmulCall call, int item, int from, int to, Scratch scratch) {
    boolean pairs = call.bType == DType.BF16;
    boolean widened = isWidened(call);
    int whole = whole(call);
    int group = group(call);
    long copied = pairs ? (long) call.m * whole : 0;
    MemorySegment memory =
        scratch.floats(SUM_FLOATS + copied + (widened ? (long) group * whole : 0));
    DotRows rows = scratch.dots;
    rows.elements = whole;
    if (pairs) {
      splitPairs(call, item, whole, memory);
    }
    // Rows that are far apart, each followed by its neighbour in the next round: streams that the
    // hardware prefetches. Rows side by side came from memory at half the speed.
    int apart = Math.ceilDiv(to - from, group);
    for (int j = from; j < from + apart; j++) {
      int columns = Math.ceilDiv(to - j, apart);
      long first = call.bOffset + item * call.bBatchStride + j * call.bStride;
      rows.columns = columns;
      if (widened) {
        widen(call, first, apart, columns, memory, (SUM_FLOATS + copied) * Float.BYTES);
        rows.b = memory;
        rows.right = (SUM_FLOATS + copied) * Float.BYTES;
        rows.rightApart = (long) whole * Float.BYTES;
      } else {
        rows.b = call.b;
        rows.right = call.bType.bytes(first);
        rows.rightApart = call.bType.bytes(apart * call.bStride);
      }
      multiply(call, item, j, apart, rows, memory);
    }
    rows.release();
  }

  private static boolean isWidened(MatmulCall call) {
    return switch (call.bType) {
      case F32 -> false;
      case BF16 -> call.m > 1;
      case INT8 -> call.m > 1 || !VectorWeightDots.MULTIPLIES_INT8;
      default -> true;
    };
  }

  /** Returns the part of a row that is made of whole vectors, or pairs of them. */
  private static int whole(MatmulCall call) {
    int step = call.bType == DType.BF16 ? 2 * LANES : LANES;
    return call.k / step * step;
  }

  /** Returns how many right rows are multiplied together. */
  private static int group(MatmulCall call) {
    if (call.m > 1) {
      return VectorDots.SQUARE;
    }
    return call.bType == DType.INT8 && !isWidened(call)
        ? VectorWeightDots.INT8_ROWS
        : VectorDots.WIDE;
  }

  /** Copies the left rows so that they meet bfloat16 pairs: even elements, then odd ones. */
  private static void splitPairs(MatmulCall call, int item, int whole, MemorySegment memory) {
    for (int i = 0; i < call.m; i++) {
      long to = (SUM_FLOATS + (long) i * whole) * Float.BYTES;
      VectorWiden.splitPairs(call.a, call.leftAt(item, i), whole, memory, to);
    }
  }

  private static void widen(
      MatmulCall call, long first, int apart, int columns, MemorySegment memory, long to) {
    int whole = whole(call);
    for (int c = 0; c < columns; c++) {
      long element = first + c * (apart * call.bStride);
      long target = to + (long) c * whole * Float.BYTES;
      if (call.bType == DType.BF16) {
        VectorWiden.pairs(call.b, call.bType.bytes(element), whole, memory, target);
      } else {
        VectorWiden.row(call.bType, call.b, element, whole, memory, target);
      }
    }
  }

  private static void multiply(
      MatmulCall call, int item, int column, int apart, DotRows rows, MemorySegment memory) {
    int step = call.m > 1 ? VectorDots.SQUARE : 1;
    for (int i = 0; i < call.m; i += step) {
      rows.rows = Math.min(step, call.m - i);
      if (call.bType == DType.BF16) {
        rows.a = memory;
        rows.left = (SUM_FLOATS + (long) i * rows.elements) * Float.BYTES;
        rows.leftApart = (long) rows.elements * Float.BYTES;
      } else {
        rows.a = call.a;
        rows.left = call.leftAt(item, i);
        rows.leftApart = call.aRowBytes;
      }
      if (call.m > 1) {
        VectorDots.square(rows, memory);
      } else if (call.bType == DType.F32 || isWidened(call)) {
        VectorDots.wide(rows, memory);
      } else if (call.bType == DType.BF16) {
        VectorWeightDots.pairs(rows, memory);
      } else {
        VectorWeightDots.int8(rows, memory);
      }
      finish(call, item, i, column, apart, rows, memory);
    }
  }

  /** Adds the rest of the rows and the bias to the sums. */
  private static void finish(
      MatmulCall call, int item, int row, int column, int apart, DotRows rows, MemorySegment sums) {
    for (int i = 0; i < rows.rows; i++) {
      for (int j = 0; j < rows.columns; j++) {
        float sum = CpuStorage.get(sums, i * VectorDots.SQUARE + j);
        ScalarMatmul.finishDot(call, item, row + i, column + j * apart, sum, rows.elements);
      }
    }
  }
}
