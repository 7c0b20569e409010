package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Matrix products on the Vector API. */
final class VectorMatmul extends CpuMatmul {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** Vectors across a tile: four where there are 32 registers, else two. */
  private static final int STRIP_VECTORS =
      LANES == 16 || System.getProperty("os.arch").equals("aarch64") ? 4 : 2;

  VectorMatmul(WorkerPool pool) {
    super(pool, LANES, STRIP_VECTORS);
  }

  @Override
  void tile(
      MatmulCall call,
      MemorySegment a,
      long aOffset,
      long strip,
      MemorySegment sums,
      int rows,
      int width) {
    if (width == 4 * LANES) {
      VectorTiles.four(call, a, aOffset, strip, sums, rows);
    } else if (width == 2 * LANES) {
      VectorTiles.two(call, a, aOffset, strip, sums, rows);
    } else {
      VectorTiles.one(call, a, aOffset, strip, sums, rows);
    }
  }

  @Override
  void merge(
      MatmulCall call, MemorySegment sums, long outOffset, int rows, int width, int columns) {
    MemorySegment out = call.out;
    boolean add = call.add;
    int whole = SPECIES.loopBound(columns);
    for (int i = 0; i < rows; i++) {
      long from = (long) i * width * Float.BYTES;
      long to = outOffset + i * call.outRowBytes;
      for (int j = 0; j < whole; j += LANES) {
        long at = (long) j * Float.BYTES;
        FloatVector sum = FloatVector.fromMemorySegment(SPECIES, sums, from + at, ORDER);
        if (add) {
          sum = sum.add(FloatVector.fromMemorySegment(SPECIES, out, to + at, ORDER));
        }
        sum.intoMemorySegment(out, to + at, ORDER);
      }
      ScalarMatmul.mergeRow(call, sums, from, to, whole, columns);
    }
  }

  @Override
  void dots(MatmulCall call, int item, int from, int to, Scratch scratch) {
    MemorySegment sums = scratch.floats(16L * LANES);
    long matrix = call.bOffset + item * call.bBatchStride;
    int step = call.m == 1 ? VectorDots.WIDE : VectorDots.SQUARE;
    for (int j = from; j < to; j += step) {
      int columns = Math.min(step, to - j);
      long right = (matrix + j * call.bStride) * Float.BYTES;
      if (call.m == 1) {
        VectorDots.wide(call, call.leftAt(item, 0), right, columns, sums);
        VectorDots.reduce(sums, VectorDots.WIDE);
        finish(call, item, 0, 1, j, columns, sums);
      } else {
        for (int i = 0; i < call.m; i += step) {
          int rows = Math.min(step, call.m - i);
          VectorDots.square(call, call.leftAt(item, i), rows, right, columns, sums);
          VectorDots.reduce(sums, VectorDots.SQUARE * VectorDots.SQUARE);
          finish(call, item, i, rows, j, columns, sums);
        }
      }
    }
  }

  /** Adds the rest of the rows and the bias. */
  private static void finish(
      MatmulCall call, int item, int row, int rows, int column, int columns, MemorySegment sums) {
    int whole = VectorDots.whole(call.k);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        float sum = CpuStorage.get(sums, i * VectorDots.SQUARE + j);
        ScalarMatmul.finishDot(call, item, row + i, column + j, sum, whole);
      }
    }
  }

  @Override
  void copy(
      MemorySegment from,
      long source,
      long stride,
      MemorySegment to,
      long target,
      int rows,
      int width,
      int columns) {
    int whole = SPECIES.loopBound(columns);
    for (int i = 0; i < rows; i++) {
      long in = source + i * stride;
      long out = target + (long) i * width * Float.BYTES;
      for (int j = 0; j < whole; j += LANES) {
        FloatVector.fromMemorySegment(SPECIES, from, in + (long) j * Float.BYTES, ORDER)
            .intoMemorySegment(to, out + (long) j * Float.BYTES, ORDER);
      }
      for (int j = whole; j < columns; j++) {
        CpuStorage.set(to, (out >> 2) + j, CpuStorage.get(from, (in >> 2) + j));
      }
      for (int j = columns; j < width; j++) {
        CpuStorage.set(to, (out >> 2) + j, 0);
      }
    }
  }

  @Override
  void transpose(
      MemorySegment from,
      long source,
      long stride,
      MemorySegment to,
      long target,
      int rows,
      int width,
      int columns) {
    for (int j = 0; j < width; j++) {
      long in = (source + j * stride) >> 2;
      for (int i = 0; i < rows; i++) {
        float value = j < columns ? CpuStorage.get(from, in + i) : 0;
        CpuStorage.set(to, (target >> 2) + (long) i * width + j, value);
      }
    }
  }
}
