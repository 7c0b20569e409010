package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
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
      long outOffset,
      int rows,
      int width,
      int columns) {
    if (width == 4 * LANES) {
      VectorTiles.four(call, a, aOffset, strip, outOffset, rows, columns);
    } else if (width == 2 * LANES) {
      VectorTiles.two(call, a, aOffset, strip, outOffset, rows, columns);
    } else {
      VectorTiles.one(call, a, aOffset, strip, outOffset, rows, columns);
    }
  }

  @Override
  void dots(MatmulCall call, int item, int from, int to) {
    for (int i = 0; i < call.m; i++) {
      long left = call.leftAt(item, i);
      long out = call.outAt(item, i) >> 2;
      for (int j = from; j < to; j++) {
        long right = call.bOffset + item * call.bBatchStride + j * call.bStride;
        int whole = SPECIES.loopBound(call.k);
        FloatVector c = FloatVector.zero(SPECIES);
        for (int p = 0; p < whole; p += LANES) {
          FloatVector x = FloatVector.fromMemorySegment(SPECIES, call.a, left + 4L * p, ORDER);
          FloatVector y = FloatVector.fromMemorySegment(SPECIES, call.b, (right + p) * 4, ORDER);
          c = x.fma(y, c);
        }
        float sum = c.reduceLanes(VectorOperators.ADD) + ScalarMatmul.dot(call, left >> 2, right, whole);
        sum += ScalarMatmul.bias(call, j);
        if (call.outAdd) sum += CpuStorage.get(call.out, out + j);
        CpuStorage.set(call.out, out + j, sum);
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
