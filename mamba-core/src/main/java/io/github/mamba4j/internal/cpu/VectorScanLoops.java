package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * The scan's inner loops, a vector of channels at a time.
 *
 * <p>A tile's width is a multiple of the lanes, so these loops have no tails. {@link
 * VectorPointLoops} holds those over elements, {@link VectorStateLoops} those over states.
 */
final class VectorScanLoops implements ScanLoops {

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
  public void enter(MemorySegment tile, Shape shape, Inputs inputs, long row, int block) {
    if (VectorTileMemory.offset(tile) < 0) {
      TAIL.enter(tile, shape, inputs, row, block);
    } else {
      VectorScanEnds.enter(tile, shape, inputs, row, block);
    }
  }

  @Override
  public void leave(
      MemorySegment tile, Shape shape, @Nullable View z, View out, long row, int block) {
    if (VectorTileMemory.offset(tile) < 0) {
      TAIL.leave(tile, shape, z, out, row, block);
    } else {
      VectorScanEnds.leave(tile, shape, z, out, row, block);
    }
  }

  @Override
  public void forward(
      MemorySegment tile, Shape shape, Inputs inputs, View out, long row, int block) {
    boolean columns =
        !VectorEulerLoops.SPREAD
            && !ScanStage.zoh(shape)
            && ScanStage.steps(shape, row) >= FEW_STEPS
            && VectorTileMemory.offset(tile) >= 0;
    if (columns) {
      VectorScanEnds.forward(tile, shape, inputs, out, row, block);
    } else {
      ScanLoops.super.forward(tile, shape, inputs, out, row, block);
    }
  }

  @Override
  public void enterGrad(
      MemorySegment tile, Shape shape, @Nullable View z, View outGrad, long row, int block) {
    if (VectorTileMemory.offset(tile) < 0) {
      TAIL.enterGrad(tile, shape, z, outGrad, row, block);
    } else {
      VectorScanEnds.enterGrad(tile, shape, z, outGrad, row, block);
    }
  }

  @Override
  public void leaveGrad(
      MemorySegment tile, Shape shape, Gradients gradients, boolean gated, long row, int block) {
    if (VectorTileMemory.offset(tile) < 0) {
      TAIL.leaveGrad(tile, shape, gradients, gated, row, block);
    } else {
      VectorScanEnds.leaveGrad(tile, shape, gradients, gated, row, block);
    }
  }

  @Override
  public void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states) {
    long base = VectorTileMemory.offset(tile);
    if (base < 0) {
      TAIL.sumDelta(tile, steps, chunk, width, states);
      return;
    }
    for (int e = 0; e < width; e += LANES) {
      long column = base + (ScanTile.column(chunk, e) << 2);
      long sum = base + ((ScanTile.deltaSum(chunk, width, states) + e) << 2);
      VectorPointLoops.sumDelta(column, sum, steps);
    }
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    if (VectorTileMemory.offset(tile) < 0) {
      TAIL.scanStates(tile, steps, chunk, width, states, zoh);
    } else if (zoh) {
      scanStatesZoh(tile, steps, chunk, width, states);
    } else if (steps < FEW_STEPS) {
      for (int t = 0; t < steps; t++) {
        for (int n = 0; n < states; n++) {
          VectorStateLoops.step(tile, t, chunk, width, states, n);
        }
      }
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
    long base = VectorTileMemory.offset(tile);
    if (base < 0) {
      TAIL.scanStatesGrad(tile, steps, chunk, width, states, zoh);
      return;
    }
    for (int e = 0; e < width; e += LANES) {
      VectorPointLoops.clearGrads(base + (ScanTile.column(chunk, e) << 2), steps);
    }
    if (zoh) {
      scanStatesGradZoh(tile, steps, chunk, width, states);
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
