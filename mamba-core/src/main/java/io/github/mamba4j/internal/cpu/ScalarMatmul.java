package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** Matrix products in plain Java. */
final class ScalarMatmul extends CpuMatmul {
  private static final int LANES = 4;

  ScalarMatmul(WorkerPool pool) {
    super(pool, LANES, 1);
  }

  @Override
  void tile(
      MatmulCall call,
      MemorySegment a,
      long aOffset,
      long strip,
      long outOffset,
      int rows,
      int width,
      int columns) {
    for (int i = 0; i < rows; i++) {
      long out = (outOffset + i * call.outRowBytes) >> 2;
      row(call, a, (aOffset + i * call.tileRowBytes) >> 2, strip >> 2, out, columns);
    }
  }

  private static void row(
      MatmulCall call, MemorySegment a, long left, long strip, long out, int columns) {
    MemorySegment packed = call.packed;
    long step = call.tileStepBytes >> 2;
    float c0 = CpuStorage.get(packed, strip);
    float c1 = CpuStorage.get(packed, strip + 1);
    float c2 = CpuStorage.get(packed, strip + 2);
    float c3 = CpuStorage.get(packed, strip + 3);
    for (int p = 0; p < call.depth; p++) {
      long right = strip + (p + 1L) * LANES;
      float x = CpuStorage.get(a, left + p * step);
      c0 += x * CpuStorage.get(packed, right);
      c1 += x * CpuStorage.get(packed, right + 1);
      c2 += x * CpuStorage.get(packed, right + 2);
      c3 += x * CpuStorage.get(packed, right + 3);
    }
    store(call, out, c0, call.add);
    if (columns > 1) {
      store(call, out + 1, c1, call.add);
    }
    if (columns > 2) {
      store(call, out + 2, c2, call.add);
    }
    if (columns > 3) {
      store(call, out + 3, c3, call.add);
    }
  }

  private static void store(MatmulCall call, long index, float value, boolean add) {
    float before = add ? CpuStorage.get(call.out, index) : 0;
    CpuStorage.set(call.out, index, before + value);
  }

  @Override
  void dots(MatmulCall call, int item, int from, int to) {
    for (int i = 0; i < call.m; i++) {
      long left = call.leftAt(item, i) >> 2;
      long out = call.outAt(item, i) >> 2;
      for (int j = from; j < to; j++) {
        long right = call.bOffset + item * call.bBatchStride + j * call.bStride;
        float sum = bias(call, j) + dot(call, left, right, 0);
        store(call, out + j, sum, call.outAdd);
      }
    }
  }

  /** Returns the bias of a column, or zero. */
  static float bias(MatmulCall call, int column) {
    MemorySegment bias = call.bias;
    return bias == null ? 0 : CpuStorage.get(bias, (call.biasOffset >> 2) + column);
  }

  /** Returns the dot product of the elements from {@code start} to the end of two rows. */
  static float dot(MatmulCall call, long left, long right, int start) {
    float sum = 0;
    for (int p = start; p < call.k; p++) {
      sum += CpuStorage.get(call.a, left + p) * right(call, right + p);
    }
    return sum;
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
    for (int i = 0; i < rows; i++) {
      long in = (source + i * stride) >> 2;
      long out = (target >> 2) + (long) i * width;
      for (int j = 0; j < width; j++) {
        CpuStorage.set(to, out + j, j < columns ? CpuStorage.get(from, in + j) : 0);
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
