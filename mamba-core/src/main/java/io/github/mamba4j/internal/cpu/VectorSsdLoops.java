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
    for (int i = bound; i < width; i++) {
      ScalarSsdLoops.stepChannel(from, fromAt + i, to, toAt + i, tile, i, b, c);
    }
  }

  @Override
  public int stripFloats() {
    return VectorTiles.STRIP_VECTORS * LANES;
  }

  @Override
  public void tile(DenseProduct product, long left, long right, int rows, int width) {
    MemorySegment tile = product.packed;
    long zeros = (long) SsdTile.ZERO << 2;
    long step = product.rightStride << 2;
    if (width == 4 * LANES) {
      VectorTiles.four(product, product.left, left << 2, zeros, right << 2, step, tile, rows);
    } else if (width == 2 * LANES) {
      VectorTiles.two(product, product.left, left << 2, zeros, right << 2, step, tile, rows);
    } else {
      VectorTiles.one(product, product.left, left << 2, zeros, right << 2, step, tile, rows);
    }
  }

  @Override
  public void setTile(DenseProduct product, long to, int rows, int width) {
    MemorySegment tile = offHeap(product.packed);
    for (int i = 0; i < rows; i++) {
      long from = SsdTile.SUMS + (long) i * width;
      long at = to + i * product.outStride;
      for (int j = 0; j < width; j += LANES) {
        store(load(tile, from + j), tile, at + j);
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
        store(load(tile, from + j).mul(factor), tile, at + j);
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
        store(load(tile, at + j).fma(kept, load(tile, from + j)), tile, at + j);
      }
    }
  }

  @Override
  public void addTileColumns(DenseProduct product, long to, long factors, int rows, int width) {
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

  @Override
  public void sumTileProducts(DenseProduct product, long weightsAt, long to, int rows, int width) {
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

  @Override
  public void powers(MemorySegment tile, long at, int n) {
    MemorySegment parts = offHeap(tile);
    for (int i = 0; i < n; i += LANES) {
      store(VectorMath.exp2(load(parts, at + i)), parts, at + i);
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
        FloatVector exponent = load(parts, SsdTile.HIGH + l).sub(highs);
        exponent = exponent.add(load(parts, SsdTile.LOW + l).sub(lows)).min(0);
        store(VectorMath.exp2(exponent), parts, row + l);
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
        FloatVector decay = load(parts, map + row + l).mul(factors);
        store(load(others, pairsAt + row + l).mul(decay), parts, map + row + l);
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
        FloatVector decay = load(parts, decays + row + l).mul(delta);
        store(load(parts, grad + row + l).mul(decay), parts, grad + row + l);
      }
      for (int l = SsdStage.first(s); l < chunk; l += LANES) {
        FloatVector pair = load(parts, grad + row + l);
        store(load(parts, sum + row + l).add(pair), parts, sum + row + l);
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
        FloatVector before = load(parts, SsdTile.PAIRS + l);
        FloatVector pair = load(parts, grad + row + l);
        store(before, parts, grad + row + l);
        store(pair.fma(load(others, pairsAt + row + l), before), parts, SsdTile.PAIRS + l);
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
