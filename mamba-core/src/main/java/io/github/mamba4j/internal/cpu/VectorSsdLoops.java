package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The inner loops of Mamba-2 on vectors. */
final class VectorSsdLoops implements SsdLoops {
  @Override
  public void step(
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width) {
    MemorySegment before = offHeap(from);
    MemorySegment after = offHeap(to);
    MemorySegment parts = offHeap(tile);
    FloatVector bs = FloatVector.broadcast(SPECIES, b);
    FloatVector cs = FloatVector.broadcast(SPECIES, c);
    int bound = SPECIES.loopBound(width);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector kept =
          fromMemorySegment(SPECIES, parts, i << 2, ORDER)
              .mul(fromMemorySegment(SPECIES, before, (fromAt + i) << 2, ORDER));
      FloatVector state =
          fromMemorySegment(SPECIES, parts, (SsdSteps.WIDTH + i) << 2, ORDER).fma(bs, kept);
      state.intoMemorySegment(after, (toAt + i) << 2, ORDER);
      state
          .fma(cs, fromMemorySegment(SPECIES, parts, (2 * SsdSteps.WIDTH + i) << 2, ORDER))
          .intoMemorySegment(parts, (2 * SsdSteps.WIDTH + i) << 2, ORDER);
    }
    ScalarSsdLoops.stepFrom(bound, from, fromAt, to, toAt, tile, b, c, width);
  }

  @Override
  public int stripFloats() {
    return VectorTiles.STRIP_VECTORS * LANES;
  }

  @Override
  public void tile(DenseProduct product, long left, long right, int rows, int width) {
    MemorySegment tile = product.packed;
    VectorTiles.tile(
        product,
        product.left,
        left << 2,
        (long) SsdTile.ZERO << 2,
        right << 2,
        product.rightStride << 2,
        tile,
        rows,
        width);
  }

  @Override
  public void merge(DenseProduct product, int row, int column, int rows, int width) {
    long to = product.out + row * product.outStride + column;
    switch (product.merge) {
      case SET -> set(product, to, rows, width);
      case SET_ROWS -> setRows(product, to, row, rows, width);
      case ADD -> add(product, to, rows, width);
      case ADD_COLUMNS -> {
        addColumns(product, to, product.factors + column, rows, width);
        long weights = product.weightsAt + row * product.weightsStride + column;
        sumProducts(product, weights, product.weighted + column, rows, width);
      }
    }
  }

  private static void set(DenseProduct product, long to, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int i = 0; i < rows; i++) {
      long from = SsdTile.SUMS + (long) i * width;
      long at = to + i * product.outStride;
      for (int j = 0; j < width; j += LANES) {
        fromMemorySegment(SPECIES, tile, (from + j) << 2, ORDER)
            .intoMemorySegment(tile, (at + j) << 2, ORDER);
      }
    }
  }

  private static void setRows(DenseProduct product, long to, int row, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int i = 0; i < rows; i++) {
      float factor = CpuStorage.get(tile, product.factors + row + i);
      FloatVector factors = FloatVector.broadcast(SPECIES, factor);
      long from = SsdTile.SUMS + (long) i * width;
      long at = to + i * product.outStride;
      for (int j = 0; j < width; j += LANES) {
        fromMemorySegment(SPECIES, tile, (from + j) << 2, ORDER)
            .mul(factors)
            .intoMemorySegment(tile, (at + j) << 2, ORDER);
      }
    }
  }

  private static void add(DenseProduct product, long to, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    FloatVector kept = FloatVector.broadcast(SPECIES, product.kept);
    for (int i = 0; i < rows; i++) {
      long from = SsdTile.SUMS + (long) i * width;
      long at = to + i * product.outStride;
      for (int j = 0; j < width; j += LANES) {
        fromMemorySegment(SPECIES, tile, (at + j) << 2, ORDER)
            .fma(kept, fromMemorySegment(SPECIES, tile, (from + j) << 2, ORDER))
            .intoMemorySegment(tile, (at + j) << 2, ORDER);
      }
    }
  }

  private static void addColumns(DenseProduct product, long to, long factors, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int j = 0; j < width; j += LANES) {
      FloatVector factor = fromMemorySegment(SPECIES, tile, (factors + j) << 2, ORDER);
      for (int i = 0; i < rows; i++) {
        long at = to + i * product.outStride + j;
        FloatVector sum =
            fromMemorySegment(SPECIES, tile, (SsdTile.SUMS + (long) i * width + j) << 2, ORDER);
        sum.fma(factor, fromMemorySegment(SPECIES, tile, at << 2, ORDER))
            .intoMemorySegment(tile, at << 2, ORDER);
      }
    }
  }

  private static void sumProducts(
      DenseProduct product, long weightsAt, long to, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    MemorySegment weights = offHeap(product.weights);
    for (int i = 0; i < rows; i++) {
      long at = weightsAt + i * product.weightsStride;
      long from = SsdTile.SUMS + (long) i * width;
      for (int j = 0; j < width; j += LANES) {
        FloatVector weight = fromMemorySegment(SPECIES, weights, (at + j) << 2, ORDER);
        fromMemorySegment(SPECIES, tile, (from + j) << 2, ORDER)
            .fma(weight, fromMemorySegment(SPECIES, tile, (to + j) << 2, ORDER))
            .intoMemorySegment(tile, (to + j) << 2, ORDER);
      }
    }
  }

  /* One loop, one transcendental function, no mask: what else was tried put vectors in objects. */

  @Override
  public void stepSizes(MemorySegment tile, int chunk) {
    MemorySegment parts = offHeap(tile);
    for (int t = 0; t < chunk; t += LANES) {
      VectorMath.softplus(fromMemorySegment(SPECIES, parts, (SsdTile.RAW + t) << 2, ORDER))
          .intoMemorySegment(parts, (SsdTile.DELTA + t) << 2, ORDER);
    }
  }

  @Override
  public void decays(
      MemorySegment tile, long to, float high, float low, float sign, int first, int chunk) {
    MemorySegment parts = offHeap(tile);
    FloatVector highs = FloatVector.broadcast(SPECIES, high);
    FloatVector lows = FloatVector.broadcast(SPECIES, low);
    FloatVector signs = FloatVector.broadcast(SPECIES, sign);
    for (int l = first; l < chunk; l += LANES) {
      FloatVector exponent =
          fromMemorySegment(SPECIES, parts, (SsdTile.HIGH + l) << 2, ORDER).sub(highs);
      exponent =
          exponent
              .add(fromMemorySegment(SPECIES, parts, (SsdTile.LOW + l) << 2, ORDER).sub(lows))
              .mul(signs)
              .min(0);
      VectorMath.exp2(exponent).intoMemorySegment(parts, (to + l) << 2, ORDER);
    }
  }

  @Override
  public void mapRow(
      MemorySegment tile,
      long map,
      MemorySegment pairs,
      long pairsAt,
      float delta,
      int first,
      int chunk) {
    MemorySegment parts = offHeap(tile);
    MemorySegment others = offHeap(pairs);
    FloatVector deltas = FloatVector.broadcast(SPECIES, delta);
    for (int l = first; l < chunk; l += LANES) {
      FloatVector decay =
          fromMemorySegment(SPECIES, parts, (SsdTile.DECAYS + l) << 2, ORDER).mul(deltas);
      fromMemorySegment(SPECIES, others, (pairsAt + l) << 2, ORDER)
          .mul(decay)
          .intoMemorySegment(parts, (map + l) << 2, ORDER);
    }
  }

  @Override
  public void pairRow(
      MemorySegment tile, long mapGrad, long pairGrad, float delta, int first, int chunk) {
    MemorySegment parts = offHeap(tile);
    FloatVector deltas = FloatVector.broadcast(SPECIES, delta);
    for (int l = first; l < chunk; l += LANES) {
      FloatVector decay =
          fromMemorySegment(SPECIES, parts, (SsdTile.DECAYS + l) << 2, ORDER).mul(deltas);
      FloatVector grad = fromMemorySegment(SPECIES, parts, (mapGrad + l) << 2, ORDER).mul(decay);
      grad.intoMemorySegment(parts, (mapGrad + l) << 2, ORDER);
      fromMemorySegment(SPECIES, parts, (pairGrad + l) << 2, ORDER)
          .add(grad)
          .intoMemorySegment(parts, (pairGrad + l) << 2, ORDER);
    }
  }

  @Override
  public void scaleRows(MemorySegment tile, long from, long to, int rows, int width, long factors) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < rows; i++) {
      FloatVector factor = FloatVector.broadcast(SPECIES, CpuStorage.get(parts, factors + i));
      long row = (long) i * width;
      for (int j = 0; j < width; j += LANES) {
        fromMemorySegment(SPECIES, parts, (from + row + j) << 2, ORDER)
            .mul(factor)
            .intoMemorySegment(parts, (to + row + j) << 2, ORDER);
      }
    }
  }

  @Override
  public void transpose(MemorySegment tile, long from, long to, int rows, int columns, long room) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < rows; i += LANES) {
      for (int j = 0; j < columns; j += LANES) {
        long source = (from + (long) i * columns + j) << 2;
        long target = (to + (long) j * rows + i) << 2;
        VectorTranspose.square(
            parts, source, 4L * columns, parts, target, 4L * rows, parts, room << 2);
      }
    }
  }
}
