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
  public void setTile(DenseProduct product, long to, int rows, int width) {
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

  @Override
  public void setTileRows(DenseProduct product, long to, long factors, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int i = 0; i < rows; i++) {
      FloatVector factor = FloatVector.broadcast(SPECIES, CpuStorage.get(tile, factors + i));
      long from = SsdTile.SUMS + (long) i * width;
      long at = to + i * product.outStride;
      for (int j = 0; j < width; j += LANES) {
        fromMemorySegment(SPECIES, tile, (from + j) << 2, ORDER)
            .mul(factor)
            .intoMemorySegment(tile, (at + j) << 2, ORDER);
      }
    }
  }

  @Override
  public void addTile(DenseProduct product, long to, int rows, int width) {
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

  @Override
  public void addTileColumns(DenseProduct product, long to, long factors, int rows, int width) {
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

  @Override
  public void sumTileProducts(DenseProduct product, long weightsAt, long to, int rows, int width) {
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

  @Override
  public void powers(MemorySegment tile, long at, int n) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < n; i += LANES) {
      VectorMath.exp2(fromMemorySegment(SPECIES, parts, (at + i) << 2, ORDER))
          .intoMemorySegment(parts, (at + i) << 2, ORDER);
    }
  }

  /* A pass a method, each with all rows: large enough to be compiled by itself. */

  @Override
  public void decays(MemorySegment tile, long map, int chunk) {
    MemorySegment parts = offHeap(tile);
    for (int s = 0; s < chunk; s++) {
      float high = CpuStorage.get(parts, SsdTile.HIGH + s);
      float low = CpuStorage.get(parts, SsdTile.LOW + s);
      FloatVector highs = FloatVector.broadcast(SPECIES, high);
      FloatVector lows = FloatVector.broadcast(SPECIES, low);
      long row = map + (long) s * chunk;
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector exponent =
            fromMemorySegment(SPECIES, parts, (SsdTile.HIGH + l) << 2, ORDER).sub(highs);
        exponent =
            exponent
                .add(fromMemorySegment(SPECIES, parts, (SsdTile.LOW + l) << 2, ORDER).sub(lows))
                .min(0);
        VectorMath.exp2(exponent).intoMemorySegment(parts, (row + l) << 2, ORDER);
      }
    }
  }

  @Override
  public void mapPairs(
      MemorySegment tile, long map, MemorySegment pairs, long pairsAt, boolean byStep, int chunk) {
    MemorySegment parts = offHeap(tile);
    MemorySegment others = offHeap(pairs);
    for (int s = 0; s < chunk; s++) {
      float factor = byStep ? CpuStorage.get(parts, SsdTile.DELTA + s) : 1;
      FloatVector factors = FloatVector.broadcast(SPECIES, factor);
      long row = (long) s * chunk;
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector decay =
            fromMemorySegment(SPECIES, parts, (map + row + l) << 2, ORDER).mul(factors);
        fromMemorySegment(SPECIES, others, (pairsAt + row + l) << 2, ORDER)
            .mul(decay)
            .intoMemorySegment(parts, (map + row + l) << 2, ORDER);
      }
    }
  }

  @Override
  public void pairGrads(MemorySegment tile, long decays, long grad, long sum, int chunk) {
    MemorySegment parts = offHeap(tile);
    for (int s = 0; s < chunk; s++) {
      FloatVector delta = FloatVector.broadcast(SPECIES, CpuStorage.get(parts, SsdTile.DELTA + s));
      long row = (long) s * chunk;
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector decay =
            fromMemorySegment(SPECIES, parts, (decays + row + l) << 2, ORDER).mul(delta);
        fromMemorySegment(SPECIES, parts, (grad + row + l) << 2, ORDER)
            .mul(decay)
            .intoMemorySegment(parts, (grad + row + l) << 2, ORDER);
      }
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector pair = fromMemorySegment(SPECIES, parts, (grad + row + l) << 2, ORDER);
        fromMemorySegment(SPECIES, parts, (sum + row + l) << 2, ORDER)
            .add(pair)
            .intoMemorySegment(parts, (sum + row + l) << 2, ORDER);
      }
    }
  }

  @Override
  public void passing(MemorySegment tile, long grad, MemorySegment pairs, long pairsAt, int chunk) {
    MemorySegment parts = offHeap(tile);
    MemorySegment others = offHeap(pairs);
    for (int s = 0; s < chunk; s++) {
      long row = (long) s * chunk;
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector before = fromMemorySegment(SPECIES, parts, (SsdTile.PAIRS + l) << 2, ORDER);
        FloatVector pair = fromMemorySegment(SPECIES, parts, (grad + row + l) << 2, ORDER);
        before.intoMemorySegment(parts, (grad + row + l) << 2, ORDER);
        pair.fma(fromMemorySegment(SPECIES, others, (pairsAt + row + l) << 2, ORDER), before)
            .intoMemorySegment(parts, (SsdTile.PAIRS + l) << 2, ORDER);
      }
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
