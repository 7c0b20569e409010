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
  public void merge(DenseProduct product, int row, int column, int rows, int width) {
    MemorySegment tile = product.packed;
    for (int i = 0; i < rows; i++) {
      long to = product.out + (row + i) * product.outStride + column;
      for (int j = 0; j < width; j++) {
        float sum = get(tile, SsdTile.SUMS + (long) i * width + j);
        float value =
            switch (product.merge) {
              case SET -> sum;
              case SET_ROWS -> get(tile, product.factors + row + i) * sum;
              case ADD -> Math.fma(product.kept, get(tile, to + j), sum);
              case ADD_COLUMNS ->
                  Math.fma(get(tile, product.factors + column + j), sum, get(tile, to + j));
            };
        set(tile, to + j, value);
        if (product.merge == DenseProduct.Merge.ADD_COLUMNS) {
          long at = product.weightsAt + (row + i) * product.weightsStride + column + j;
          long weighted = product.weighted + column + j;
          set(tile, weighted, Math.fma(get(product.weights, at), sum, get(tile, weighted)));
        }
      }
    }
  }

  @Override
  public void stepSizes(MemorySegment tile, int chunk) {
    for (int t = 0; t < chunk; t++) {
      set(tile, SsdTile.DELTA + t, ScalarMath.softplus(get(tile, SsdTile.RAW + t)));
    }
  }

  @Override
  public void decays(
      MemorySegment tile, long to, float high, float low, float sign, int first, int chunk) {
    for (int l = first; l < chunk; l++) {
      float exponent = get(tile, SsdTile.HIGH + l) - high;
      exponent = (exponent + (get(tile, SsdTile.LOW + l) - low)) * sign;
      set(tile, to + l, ScalarMath.exp2(Math.min(exponent, 0)));
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
    for (int l = first; l < chunk; l++) {
      set(tile, map + l, get(pairs, pairsAt + l) * (get(tile, SsdTile.DECAYS + l) * delta));
    }
  }

  @Override
  public void pairRow(
      MemorySegment tile, long mapGrad, long pairGrad, float delta, int first, int chunk) {
    for (int l = first; l < chunk; l++) {
      float grad = get(tile, mapGrad + l) * (get(tile, SsdTile.DECAYS + l) * delta);
      set(tile, mapGrad + l, grad);
      set(tile, pairGrad + l, get(tile, pairGrad + l) + grad);
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
