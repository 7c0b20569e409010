package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

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
    MemorySegment tile = offHeap(product.packed);
    long to = product.out + row * product.outStride + column;
    for (int i = 0; i < rows; i++) {
      int from = SsdTile.SUMS + i * width;
      long at = to + i * product.outStride;
      switch (product.merge) {
        case SET -> setRow(tile, from, at, width, 1);
        case SET_ROWS -> {
          float factor = CpuStorage.get(tile, product.factors + row + i);
          setRow(tile, from, at, width, factor);
        }
        case ADD -> addRow(tile, from, at, width, product.kept);
        case ADD_COLUMNS -> {
          long weights = product.weightsAt + (row + i) * product.weightsStride + column;
          addColumns(tile, from, at, width, product.factors + column);
          sumProducts(tile, from, product.weights, weights, product.weighted + column, width);
        }
      }
    }
  }

  private static void setRow(MemorySegment tile, long from, long to, int width, float factor) {
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int j = 0; j < width; j += LANES) {
      store(load(tile, from + j).mul(factors), tile, to + j);
    }
  }

  private static void addRow(MemorySegment tile, long from, long to, int width, float kept) {
    FloatVector factors = FloatVector.broadcast(SPECIES, kept);
    for (int j = 0; j < width; j += LANES) {
      store(load(tile, to + j).fma(factors, load(tile, from + j)), tile, to + j);
    }
  }

  private static void addColumns(MemorySegment tile, long from, long to, int width, long factors) {
    for (int j = 0; j < width; j += LANES) {
      FloatVector sum = load(tile, from + j);
      store(sum.fma(load(tile, factors + j), load(tile, to + j)), tile, to + j);
    }
  }

  private static void sumProducts(
      MemorySegment tile, long from, MemorySegment weights, long weightsAt, long to, int width) {
    MemorySegment others = offHeap(weights);
    for (int j = 0; j < width; j += LANES) {
      FloatVector sum = load(tile, from + j);
      store(sum.fma(load(others, weightsAt + j), load(tile, to + j)), tile, to + j);
    }
  }

  @Override
  public void stepSizes(MemorySegment tile, int chunk, float stepMin, float stepMax) {
    MemorySegment parts = offHeap(tile);
    for (int t = 0; t < chunk; t += LANES) {
      FloatVector delta = VectorMath.softplus(load(parts, SsdTile.RAW + t));
      store(delta.min(stepMax).max(stepMin), parts, SsdTile.DELTA + t);
    }
  }

  @Override
  public void factors(MemorySegment tile, int chunk) {
    MemorySegment parts = offHeap(tile);
    float lastHigh = CpuStorage.get(tile, SsdTile.HIGH + chunk - 1);
    float lastLow = CpuStorage.get(tile, SsdTile.LOW + chunk - 1);
    FloatVector lastHighs = FloatVector.broadcast(SPECIES, lastHigh);
    FloatVector lastLows = FloatVector.broadcast(SPECIES, lastLow);
    for (int t = 0; t < chunk; t += LANES) {
      FloatVector high = load(parts, SsdTile.HIGH + t);
      FloatVector low = load(parts, SsdTile.LOW + t);
      store(VectorMath.exp(high.add(low)), parts, SsdTile.ENTER + t);
      FloatVector leave = VectorMath.exp(lastHighs.sub(high).add(lastLows.sub(low)));
      store(leave, parts, SsdTile.LEAVE + t);
      store(leave.mul(load(parts, SsdTile.DELTA + t)), parts, SsdTile.INPUT + t);
    }
  }

  /** Returns {@code exp(s_l − s_s)} for the lanes of l, 1 where that would grow. */
  private static FloatVector decay(MemorySegment tile, FloatVector high, FloatVector low, int l) {
    FloatVector exponent =
        load(tile, SsdTile.HIGH + l).sub(high).add(load(tile, SsdTile.LOW + l).sub(low));
    return VectorMath.exp(exponent.blend(0, exponent.compare(VectorOperators.GT, 0)));
  }

  @Override
  public void mapRow(
      MemorySegment tile, long map, MemorySegment pairs, long pairsAt, int s, int chunk) {
    MemorySegment parts = offHeap(tile);
    MemorySegment others = offHeap(pairs);
    FloatVector delta = spread(parts, SsdTile.DELTA + s);
    FloatVector high = spread(parts, SsdTile.HIGH + s);
    FloatVector low = spread(parts, SsdTile.LOW + s);
    for (int l = s / SsdCut.LANES * SsdCut.LANES; l < chunk; l += LANES) {
      FloatVector decay = decay(parts, high, low, l);
      store(load(others, pairsAt + l).mul(decay.mul(delta)), parts, map + l);
    }
  }

  private static FloatVector spread(MemorySegment tile, long index) {
    return FloatVector.broadcast(SPECIES, CpuStorage.get(tile, index));
  }

  @Override
  public void mapGradRow(
      MemorySegment tile,
      long map,
      long mapGrad,
      long pairGrad,
      MemorySegment pairs,
      long pairsAt,
      int s,
      int chunk) {
    MemorySegment parts = offHeap(tile);
    MemorySegment others = offHeap(pairs);
    FloatVector delta = spread(parts, SsdTile.DELTA + s);
    FloatVector high = spread(parts, SsdTile.HIGH + s);
    FloatVector low = spread(parts, SsdTile.LOW + s);
    for (int l = s / SsdCut.LANES * SsdCut.LANES; l < chunk; l += LANES) {
      FloatVector decay = decay(parts, high, low, l);
      FloatVector pair = load(others, pairsAt + l);
      store(pair.mul(decay), parts, map + l);
      FloatVector grad = load(parts, mapGrad + l).mul(decay.mul(delta));
      store(load(parts, pairGrad + l).add(grad), parts, pairGrad + l);
      store(grad.fma(pair, load(parts, SsdTile.PAIRS + l)), parts, SsdTile.PAIRS + l);
    }
  }

  @Override
  public void scaleRows(MemorySegment tile, long from, long to, int rows, int width, long factors) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < rows; i++) {
      FloatVector factor = spread(parts, factors + i);
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
