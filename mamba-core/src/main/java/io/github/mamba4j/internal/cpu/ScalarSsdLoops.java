package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** The inner loops of Mamba-2 in plain Java. */
final class ScalarSsdLoops implements SsdLoops {
  private static final int STRIP = 16;

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
    stepFrom(0, from, fromAt, to, toAt, tile, b, c, width);
  }

  /** The elements from {@code first} on of what {@link #step} computes. */
  @SuppressWarnings("checkstyle:ParameterNumber") // those of step, and where to begin
  static void stepFrom(
      int first,
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width) {
    for (int i = first; i < width; i++) {
      float kept = get(tile, i) * get(from, fromAt + i);
      float state = Math.fma(get(tile, SsdSteps.WIDTH + i), b, kept);
      set(to, toAt + i, state);
      set(tile, 2 * SsdSteps.WIDTH + i, Math.fma(c, state, get(tile, 2 * SsdSteps.WIDTH + i)));
    }
  }

  @Override
  public int stripFloats() {
    return STRIP;
  }

  @Override
  public void tile(DenseProduct product, long left, long right, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      long leftRow = left + i * product.leftRow;
      for (int j = 0; j < width; j += 4) {
        float c0 = 0;
        float c1 = 0;
        float c2 = 0;
        float c3 = 0;
        for (int p = 0; p < product.depth; p++) {
          float x = get(product.left, leftRow + p * product.leftStep);
          long at = right + p * product.rightStride + j;
          c0 = Math.fma(x, get(tile, at), c0);
          c1 = Math.fma(x, get(tile, at + 1), c1);
          c2 = Math.fma(x, get(tile, at + 2), c2);
          c3 = Math.fma(x, get(tile, at + 3), c3);
        }
        long to = SsdTile.SUMS + (long) i * width + j;
        set(tile, to, c0);
        set(tile, to + 1, c1);
        set(tile, to + 2, c2);
        set(tile, to + 3, c3);
      }
    }
  }

  @Override
  public void setTile(DenseProduct product, long to, int rows, int width) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < width; j++) {
        long at = to + i * product.outStride + j;
        float sum = get(product.packed, SsdTile.SUMS + (long) i * width + j);
        set(product.packed, at, sum);
      }
    }
  }

  @Override
  public void setTileRows(DenseProduct product, long to, long factors, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      float factor = get(tile, factors + i);
      for (int j = 0; j < width; j++) {
        float sum = get(tile, SsdTile.SUMS + (long) i * width + j);
        set(tile, to + i * product.outStride + j, factor * sum);
      }
    }
  }

  @Override
  public void addTile(DenseProduct product, long to, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < width; j++) {
        long at = to + i * product.outStride + j;
        float sum = get(tile, SsdTile.SUMS + (long) i * width + j);
        set(tile, at, Math.fma(product.kept, get(tile, at), sum));
      }
    }
  }

  @Override
  public void addTileColumns(DenseProduct product, long to, long factors, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < width; j++) {
        long at = to + i * product.outStride + j;
        float sum = get(tile, SsdTile.SUMS + (long) i * width + j);
        set(tile, at, Math.fma(get(tile, factors + j), sum, get(tile, at)));
      }
    }
  }

  @Override
  public void sumTileProducts(DenseProduct product, long weightsAt, long to, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < width; j++) {
        float sum = get(tile, SsdTile.SUMS + (long) i * width + j);
        float weight = get(product.weights, weightsAt + i * product.weightsStride + j);
        set(tile, to + j, Math.fma(weight, sum, get(tile, to + j)));
      }
    }
  }

  @Override
  public void powers(MemorySegment tile, long at, int n) {
    for (int i = 0; i < n; i++) {
      set(tile, at + i, ScalarMath.exp2(get(tile, at + i)));
    }
  }

  @Override
  public void decays(MemorySegment tile, long map, int chunk) {
    for (int s = 0; s < chunk; s++) {
      float high = get(tile, SsdTile.HIGH + s);
      float low = get(tile, SsdTile.LOW + s);
      for (int l = SsdStage.first(s); l < chunk; l++) {
        float exponent = get(tile, SsdTile.HIGH + l) - high;
        exponent += get(tile, SsdTile.LOW + l) - low;
        set(tile, map + (long) s * chunk + l, ScalarMath.exp2(Math.min(exponent, 0)));
      }
    }
  }

  @Override
  public void mapPairs(
      MemorySegment tile, long map, MemorySegment pairs, long pairsAt, boolean byStep, int chunk) {
    for (int s = 0; s < chunk; s++) {
      float factor = byStep ? get(tile, SsdTile.DELTA + s) : 1;
      for (int l = SsdStage.first(s); l < chunk; l++) {
        long at = (long) s * chunk + l;
        set(tile, map + at, get(pairs, pairsAt + at) * (get(tile, map + at) * factor));
      }
    }
  }

  @Override
  public void pairGrads(MemorySegment tile, long decays, long grad, long sum, int chunk) {
    for (int s = 0; s < chunk; s++) {
      float delta = get(tile, SsdTile.DELTA + s);
      for (int l = SsdStage.first(s); l < chunk; l++) {
        long at = (long) s * chunk + l;
        float pair = get(tile, grad + at) * (get(tile, decays + at) * delta);
        set(tile, grad + at, pair);
        set(tile, sum + at, get(tile, sum + at) + pair);
      }
    }
  }

  @Override
  public void passing(MemorySegment tile, long grad, MemorySegment pairs, long pairsAt, int chunk) {
    for (int s = 0; s < chunk; s++) {
      for (int l = SsdStage.first(s); l < chunk; l++) {
        long at = (long) s * chunk + l;
        float before = get(tile, SsdTile.PAIRS + l);
        float after = Math.fma(get(tile, grad + at), get(pairs, pairsAt + at), before);
        set(tile, grad + at, before);
        set(tile, SsdTile.PAIRS + l, after);
      }
    }
  }

  @Override
  public void scaleRows(MemorySegment tile, long from, long to, int rows, int width, long factors) {
    for (int i = 0; i < rows; i++) {
      float factor = get(tile, factors + i);
      for (int j = 0; j < width; j++) {
        long at = (long) i * width + j;
        set(tile, to + at, factor * get(tile, from + at));
      }
    }
  }

  @Override
  public void transpose(MemorySegment tile, long from, long to, int rows, int columns, long room) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        set(tile, to + (long) j * rows + i, get(tile, from + (long) i * columns + j));
      }
    }
  }
}
