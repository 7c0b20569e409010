package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The scan's inner loops, a vector of channels at a time.
 *
 * <p>A tile's width is a multiple of the lanes, so these loops have no tails. {@link
 * VectorPointLoops} holds those over elements, {@link VectorStateLoops} those over states.
 */
final class VectorScanLoops implements ScanLoops {

  /** Below it, a loop over the channels of a step is longer than one over the steps. */
  private static final int FEW_STEPS = 6;

  /** Only for elements that fill no vector. */
  private static final ScanLoops TAIL = new ScalarScanLoops();

  @Override
  public MemorySegment claim(Scratch scratch, long floats) {
    return VectorTileMemory.fits(floats) ? VectorTileMemory.claim() : scratch.floats(floats);
  }

  @Override
  public void release(MemorySegment tile) {
    VectorTileMemory.release(tile);
  }

  @Override
  public void clear(MemorySegment tile, long offset, long floats) {
    tile = offHeap(tile);
    long i = 0;
    for (; i <= floats - LANES; i += LANES) {
      FloatVector.zero(SPECIES).intoMemorySegment(tile, (offset + i) << 2, ORDER);
    }
    TAIL.clear(tile, offset + i, floats - i);
  }

  @Override
  public void copyIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols) {
    source = offHeap(source);
    tile = offHeap(tile);
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) << 2;
      long to = (target + (long) r * width) << 2;
      for (int i = 0; i < whole; i += LANES) {
        fromMemorySegment(SPECIES, source, from + 4L * i, ORDER)
            .intoMemorySegment(tile, to + 4L * i, ORDER);
      }
    }
    if (whole < cols) {
      TAIL.copyIn(source, offset + whole, stride, tile, target + whole, width, rows, cols - whole);
    }
  }

  @Override
  public void addIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols) {
    source = offHeap(source);
    tile = offHeap(tile);
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) << 2;
      long to = (target + (long) r * width) << 2;
      for (int i = 0; i < whole; i += LANES) {
        FloatVector added = fromMemorySegment(SPECIES, source, from + 4L * i, ORDER);
        FloatVector before = fromMemorySegment(SPECIES, tile, to + 4L * i, ORDER);
        before.add(added).intoMemorySegment(tile, to + 4L * i, ORDER);
      }
    }
    if (whole < cols) {
      TAIL.addIn(source, offset + whole, stride, tile, target + whole, width, rows, cols - whole);
    }
  }

  @Override
  public void copyOut(
      MemorySegment tile,
      long source,
      int width,
      MemorySegment target,
      long offset,
      long stride,
      int rows,
      int cols) {
    tile = offHeap(tile);
    target = offHeap(target);
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (source + (long) r * width) << 2;
      long to = (offset + r * stride) << 2;
      for (int i = 0; i < whole; i += LANES) {
        fromMemorySegment(SPECIES, tile, from + 4L * i, ORDER)
            .intoMemorySegment(target, to + 4L * i, ORDER);
      }
    }
    if (whole < cols) {
      TAIL.copyOut(tile, source + whole, width, target, offset + whole, stride, rows, cols - whole);
    }
  }

  @Override
  public void scaleDiagonal(MemorySegment tile, int chunk, int width, int states, boolean zoh) {
    if (zoh) {
      VectorStateLoops.invertDiagonal(tile, chunk, width, states);
    }
    VectorStateLoops.scaleDiagonal(tile, chunk, width, states);
    for (int e = 0; e < width; e += LANES) {
      VectorStateLoops.largestDiagonal(tile, chunk, width, states, e);
    }
    for (int n = states; n % ScanTile.STATE_GROUP != 0; n++) {
      clear(tile, ScanTile.a(chunk, width) + (long) n * width, width);
      clear(tile, ScanTile.state(chunk, width, states) + (long) n * width, width);
      clear(tile, ScanTile.stateGrad(chunk, width, states) + (long) n * width, width);
      clear(tile, ScanTile.aGrad(chunk, width, states) + (long) n * width, width);
    }
  }

  @Override
  public void panelIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      int panel,
      int chunk,
      int rows,
      int cols) {
    source = offHeap(source);
    tile = offHeap(tile);
    int whole = SPECIES.loopBound(cols);
    for (int e = 0; e < whole; e += LANES) {
      long to = ScanTile.at(panel, chunk, 0, e) << 2;
      VectorPointLoops.columnIn(source, (offset + e) << 2, stride << 2, tile, to, rows);
    }
    for (int e = whole; e < cols || e % ScanTile.MAX_LANES != 0; e += LANES) {
      VectorMask<Float> real = SPECIES.indexInRange(e, cols);
      for (int t = 0; t < rows; t++) {
        long from = (offset + t * stride + e) << 2;
        fromMemorySegment(SPECIES, source, from, ORDER, real)
            .intoMemorySegment(tile, ScanTile.at(panel, chunk, t, e) << 2, ORDER);
      }
    }
  }

  @Override
  public void panelAdd(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      int panel,
      int chunk,
      int rows,
      int cols) {
    source = offHeap(source);
    tile = offHeap(tile);
    for (int e = 0; e < cols; e += LANES) {
      VectorMask<Float> real = SPECIES.indexInRange(e, cols);
      for (int t = 0; t < rows; t++) {
        long from = (offset + t * stride + e) << 2;
        long at = ScanTile.at(panel, chunk, t, e) << 2;
        fromMemorySegment(SPECIES, source, from, ORDER, real)
            .add(fromMemorySegment(SPECIES, tile, at, ORDER))
            .intoMemorySegment(tile, at, ORDER);
      }
    }
  }

  @Override
  public void panelOut(
      MemorySegment tile,
      int panel,
      int chunk,
      MemorySegment target,
      long offset,
      long stride,
      int rows,
      int cols) {
    target = offHeap(target);
    tile = offHeap(tile);
    int whole = SPECIES.loopBound(cols);
    for (int e = 0; e < whole; e += LANES) {
      long from = ScanTile.at(panel, chunk, 0, e) << 2;
      VectorPointLoops.columnOut(tile, from, target, (offset + e) << 2, stride << 2, rows);
    }
    if (whole < cols) {
      VectorMask<Float> real = SPECIES.indexInRange(whole, cols);
      for (int t = 0; t < rows; t++) {
        long to = (offset + t * stride + whole) << 2;
        long from = ScanTile.at(panel, chunk, t, whole) << 2;
        fromMemorySegment(SPECIES, tile, from, ORDER).intoMemorySegment(target, to, ORDER, real);
      }
    }
  }

  @Override
  public void sumPartials(
      MemorySegment source,
      long offset,
      long stride,
      int count,
      MemorySegment target,
      long targetOffset,
      int cols) {
    source = offHeap(source);
    target = offHeap(target);
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      VectorPointLoops.sumColumn(
          source, (offset + i) << 2, stride << 2, count, target, (targetOffset + i) << 2);
    }
    TAIL.sumPartials(
        source, offset + whole, stride, count, target, targetOffset + whole, cols - whole);
  }

  @Override
  public void prepare(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean softplus) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      long bias = (ScanTile.bias(chunk, width, states) + e) << 2;
      long skip = (ScanTile.skip(chunk, width, states) + e) << 2;
      VectorPointLoops.addBias(tile, steps, chunk, e, bias);
      if (softplus) {
        VectorPointLoops.softplus(tile, steps, chunk, e);
      }
      VectorPointLoops.inputs(tile, steps, chunk, e, skip);
    }
  }

  @Override
  public void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      VectorPointLoops.sumDelta(tile, steps, chunk, width, states, e);
    }
  }

  @Override
  public void gate(MemorySegment tile, int steps, int chunk, int width) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      VectorPointLoops.gate(tile, steps, chunk, e);
    }
  }

  @Override
  public void gateGrad(MemorySegment tile, int steps, int chunk, int width) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      VectorPointLoops.gateGrad(tile, steps, chunk, e);
    }
  }

  @Override
  public void finishGrad(
      MemorySegment tile,
      int steps,
      int chunk,
      int width,
      int states,
      boolean softplus,
      boolean zoh) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      if (zoh) {
        VectorPointLoops.zohGrads(tile, steps, chunk, e);
      } else {
        VectorPointLoops.eulerGrads(tile, steps, chunk, e);
      }
      VectorPointLoops.skipGrads(tile, steps, chunk, width, states, e);
      if (softplus) {
        VectorPointLoops.softplusGrad(tile, steps, chunk, e);
      }
      long biasGrad = (ScanTile.biasGrad(chunk, width, states) + e) << 2;
      VectorPointLoops.outerGrads(tile, steps, chunk, e, biasGrad);
    }
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    if (zoh) {
      scanStatesZoh(tile, steps, chunk, width, states);
    } else if (steps < FEW_STEPS) {
      for (int t = 0; t < steps; t++) {
        for (int n = 0; n < states; n++) {
          VectorStateLoops.step(tile, t, chunk, width, states, n);
        }
      }
    } else if (VectorTileMemory.offset(tile) < 0) {
      TAIL.scanStates(tile, steps, chunk, width, states, false);
    } else {
      VectorEulerScan.forward(tile, steps, chunk, width, states);
    }
  }

  private static void scanStatesZoh(
      MemorySegment tile, int steps, int chunk, int width, int states) {
    tile = offHeap(tile);
    for (int n = 0; n < states; n++) {
      VectorStateLoops.spread(tile, steps, chunk, width, states, n);
      for (int e = 0; e < width; e += LANES) {
        VectorStateLoops.zohInputs(tile, steps, chunk, width, states, n * width + e);
        VectorStateLoops.forward(tile, steps, chunk, width, states, n * width + e);
      }
    }
  }

  @Override
  public void scanStatesGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    tile = offHeap(tile);
    for (int e = 0; e < width; e += LANES) {
      VectorPointLoops.clearGrads(tile, steps, chunk, e);
    }
    if (zoh) {
      scanStatesGradZoh(tile, steps, chunk, width, states);
    } else if (VectorTileMemory.offset(tile) < 0) {
      TAIL.scanStatesGrad(tile, steps, chunk, width, states, false);
    } else {
      VectorEulerScan.backward(tile, steps, chunk, width, states);
    }
  }

  private static void scanStatesGradZoh(
      MemorySegment tile, int steps, int chunk, int width, int states) {
    for (int n = 0; n < states; n++) {
      VectorStateLoops.spread(tile, steps, chunk, width, states, n);
      VectorStateLoops.clearSums(tile, steps, chunk, width, states);
      for (int e = 0; e < width; e += LANES) {
        int state = n * width + e;
        VectorStateLoops.zohInputs(tile, steps, chunk, width, states, state);
        VectorStateLoops.keepDecays(tile, steps, chunk, width, states, state);
        VectorStateLoops.runBackZoh(tile, steps, chunk, width, states, state);
        VectorStateLoops.zohInputGrad(tile, steps, chunk, width, states, state);
        VectorStateLoops.zohDeltaGrad(tile, steps, chunk, width, states, state);
        VectorStateLoops.zohSlopes(tile, steps, chunk, width, states, state);
        VectorStateLoops.zohDiagonalGrad(tile, steps, chunk, width, states, state);
      }
      VectorStateLoops.sumLanes(tile, steps, chunk, width, states, n);
    }
  }

  @Override
  public void carryGrad(MemorySegment tile, int steps, int chunk, int width, int states) {
    tile = offHeap(tile);
    for (int n = 0; n < states; n++) {
      VectorStateLoops.spread(tile, steps, chunk, width, states, n);
      for (int e = 0; e < width; e += LANES) {
        VectorStateLoops.carryGrad(tile, steps, chunk, width, states, n * width + e);
      }
    }
  }
}
