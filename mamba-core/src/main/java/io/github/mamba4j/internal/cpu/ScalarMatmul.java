package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Matrix products in plain Java. */
final class ScalarMatmul extends CpuMatmul {
  private static final int LANES = 4;

  ScalarMatmul(WorkerPool pool) {
    super(pool, LANES, 1);
  }

  @Override
  void tile(MatmulCall call, RegisterTile tile, MemorySegment sums, int width) {
    for (int i = 0; i < tile.rows; i++) {
      row(call, tile, i, sums, (long) i * width);
    }
  }

  @Override
  MemorySegment claimSums(Scratch scratch, int floats) {
    return scratch.floats(floats);
  }

  @Override
  void releaseSums(MemorySegment sums) {}

  @Override
  @Nullable MemorySegment claimStrips() {
    return null;
  }

  @Override
  void releaseStrips(MemorySegment strips) {}

  private static void row(MatmulCall call, RegisterTile tile, int i, MemorySegment sums, long to) {
    MemorySegment packed = call.packed;
    long strip = tile.strip >> 2;
    long left = (tile.leftAt + i * call.tileRowBytes) >> 2;
    float c0 = CpuStorage.get(packed, strip);
    float c1 = CpuStorage.get(packed, strip + 1);
    float c2 = CpuStorage.get(packed, strip + 2);
    float c3 = CpuStorage.get(packed, strip + 3);
    for (int p = 0; p < call.depth; p++) {
      long right = strip + (p + 1L) * LANES;
      float x = CpuStorage.get(tile.left, left + p);
      c0 += x * CpuStorage.get(packed, right);
      c1 += x * CpuStorage.get(packed, right + 1);
      c2 += x * CpuStorage.get(packed, right + 2);
      c3 += x * CpuStorage.get(packed, right + 3);
    }
    CpuStorage.set(sums, to, c0);
    CpuStorage.set(sums, to + 1, c1);
    CpuStorage.set(sums, to + 2, c2);
    CpuStorage.set(sums, to + 3, c3);
  }

  @Override
  void merge(
      MatmulCall call, MemorySegment sums, long outOffset, int rows, int width, int columns) {
    for (int i = 0; i < rows; i++) {
      long from = (long) i * width * Float.BYTES;
      mergeRow(call, sums, from, outOffset + i * call.outRowBytes, 0, columns);
    }
  }

  /** Brings columns {@code start} to {@code end} of a tile's row to the result. */
  static void mergeRow(
      MatmulCall call, MemorySegment sums, long from, long to, int start, int end) {
    for (int j = start; j < end; j++) {
      store(call, (to >> 2) + j, CpuStorage.get(sums, (from >> 2) + j), call.add);
    }
  }

  private static void store(MatmulCall call, long index, float value, boolean add) {
    float before = add ? CpuStorage.get(call.out, index) : 0;
    CpuStorage.set(call.out, index, before + value);
  }

  @Override
  void dots(MatmulCall call, int item, int from, int to, Scratch scratch) {
    ArrayDots.run(call, item, from, to, scratch.arrays);
  }

  /**
   * Completes a dot product and brings it to the result.
   *
   * @param call the product
   * @param item which matrix of the batch
   * @param row row of the result
   * @param column column of the result
   * @param before sum of the elements before {@code start}
   * @param start first element that is not in it
   */
  static void finishDot(MatmulCall call, int item, int row, int column, float before, int start) {
    long left = call.leftAt(item, row) >> 2;
    long right = call.bOffset + item * call.bBatchStride + column * call.bStride;
    float sum = before;
    for (int p = start; p < call.k; p++) {
      sum += CpuStorage.get(call.a, left + p) * right(call, right + p);
    }
    MemorySegment bias = call.bias;
    if (bias != null) {
      sum += CpuStorage.get(bias, (call.biasOffset >> 2) + column);
    }
    store(call, (call.outAt(item, row) >> 2) + column, sum, call.outAdd);
  }

  @Override
  void turn(MatmulCall call, long source, int rows, MemorySegment to, long target) {
    turnPart(call, source, 0, 0, rows, to, target);
  }

  /** Turns rows from a row on, and of these the steps from a step on, see {@link #turn}. */
  static void turnPart(
      MatmulCall call, long source, int step, int row, int rows, MemorySegment to, long target) {
    for (int p = step; p < call.depth; p++) {
      long in = (source + p * call.aStepBytes) >> 2;
      for (int i = row; i < rows; i++) {
        long out = ((target + i * call.tileRowBytes) >> 2) + p;
        CpuStorage.set(to, out, CpuStorage.get(call.a, in + i));
      }
    }
  }

  @Override
  void copy(MatmulCall call, long source, long target, int width, int columns, int steps) {
    for (int i = 0; i < steps; i++) {
      long in = (source >> 2) + i * call.bStride;
      copyRow(call, in, (target >> 2) + (long) i * width, 0, width, columns);
    }
  }

  /** Packs the columns from {@code start} on of one row of a strip; places are in elements. */
  static void copyRow(
      MatmulCall call, long source, long target, int start, int width, int columns) {
    for (int j = start; j < width; j++) {
      float value = j < columns ? CpuStorage.get(call.b, source + j) : 0;
      CpuStorage.set(call.packed, target + j, value);
    }
  }

  @Override
  void transpose(
      MatmulCall call,
      MemorySegment from,
      long source,
      long stride,
      long target,
      int width,
      int columns,
      Scratch scratch) {
    transposeRows(call, from, source, stride, target, width, columns, 0);
  }

  /** Packs the steps from {@code start} on of a strip that {@link #transpose} packs. */
  static void transposeRows(
      MatmulCall call,
      MemorySegment from,
      long source,
      long stride,
      long target,
      int width,
      int columns,
      int start) {
    for (int j = 0; j < columns; j++) {
      long in = (source + j * stride) >> 2;
      for (int i = start; i < call.depth; i++) {
        CpuStorage.set(
            call.packed, (target >> 2) + (long) i * width + j, CpuStorage.get(from, in + i));
      }
    }
    for (int i = start; i < call.depth; i++) {
      for (int j = columns; j < width; j++) {
        CpuStorage.set(call.packed, (target >> 2) + (long) i * width + j, 0);
      }
    }
  }

  @Override
  int transposeFloats() {
    return 0;
  }

  @Override
  void widen(MatmulCall call, long first, int n, MemorySegment to, long target) {
    for (int i = 0; i < n; i++) {
      CpuStorage.set(to, (target >> 2) + i, right(call, first + i));
    }
  }
}
