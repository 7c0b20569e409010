package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

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
      FloatVector kept = load(parts, i).mul(load(before, fromAt + i));
      FloatVector state = load(parts, SsdSteps.WIDTH + i).fma(bs, kept);
      store(state, after, toAt + i);
      store(state.fma(cs, load(parts, 2 * SsdSteps.WIDTH + i)), parts, 2 * SsdSteps.WIDTH + i);
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
        store(load(tile, from + j), tile, at + j);
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
        store(load(tile, from + j).mul(factors), tile, at + j);
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
        store(load(tile, at + j).fma(kept, load(tile, from + j)), tile, at + j);
      }
    }
  }

  private static void addColumns(DenseProduct product, long to, long factors, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int j = 0; j < width; j += LANES) {
      FloatVector factor = load(tile, factors + j);
      for (int i = 0; i < rows; i++) {
        long at = to + i * product.outStride + j;
        FloatVector sum = load(tile, SsdTile.SUMS + (long) i * width + j);
        store(sum.fma(factor, load(tile, at)), tile, at);
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
        FloatVector weight = load(weights, at + j);
        store(load(tile, from + j).fma(weight, load(tile, to + j)), tile, to + j);
      }
    }
  }

  /* One loop, one transcendental function, no mask: what else was tried put vectors in objects. */

  @Override
  public void stepSizes(MemorySegment tile, int chunk) {
    MemorySegment parts = offHeap(tile);
    for (int t = 0; t < chunk; t += LANES) {
      store(VectorMath.softplus(load(parts, SsdTile.RAW + t)), parts, SsdTile.DELTA + t);
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
      FloatVector exponent = load(parts, SsdTile.HIGH + l).sub(highs);
      exponent = exponent.add(load(parts, SsdTile.LOW + l).sub(lows)).mul(signs).min(0);
      store(VectorMath.exp2(exponent), parts, to + l);
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
      FloatVector decay = load(parts, SsdTile.DECAYS + l).mul(deltas);
      store(load(others, pairsAt + l).mul(decay), parts, map + l);
    }
  }

  @Override
  public void pairRow(
      MemorySegment tile, long mapGrad, long pairGrad, float delta, int first, int chunk) {
    MemorySegment parts = offHeap(tile);
    FloatVector deltas = FloatVector.broadcast(SPECIES, delta);
    for (int l = first; l < chunk; l += LANES) {
      FloatVector decay = load(parts, SsdTile.DECAYS + l).mul(deltas);
      FloatVector grad = load(parts, mapGrad + l).mul(decay);
      store(grad, parts, mapGrad + l);
      store(load(parts, pairGrad + l).add(grad), parts, pairGrad + l);
    }
  }

  @Override
  public void scaleRows(MemorySegment tile, long from, long to, int rows, int width, long factors) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < rows; i++) {
      FloatVector factor = FloatVector.broadcast(SPECIES, CpuStorage.get(parts, factors + i));
      long row = (long) i * width;
      for (int j = 0; j < width; j += LANES) {
        store(load(parts, from + row + j).mul(factor), parts, to + row + j);
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
