package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.offset;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MASK;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MEMORY;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.jspecify.annotations.Nullable;

/**
 * What stands before and behind the states of a chunk, a vector of channels at a time. Whole
 * vectors of inputs are read where they lie; the last channels, if they fill none, come from a
 * panel that is filled up with zeros.
 */
final class VectorScanEnds {
  private static final long STEP = ScanTile.STEP * 4L;
  private static final long PANEL = ScanTile.MAX_LANES * 4L;

  private VectorScanEnds() {}

  private static long column(long base, int chunk, int e) {
    return base + (ScanTile.column(chunk, e) << 2);
  }

  /** Returns where a block's rows begin in a view, in bytes: some divisions, once a chunk. */
  private static long bytes(Shape shape, View view, long row, int block) {
    return offset(shape, view, row, block) << 2;
  }

  static void enter(MemorySegment tile, Shape shape, Inputs inputs, long row, int block) {
    long base = VectorTileMemory.offset(tile);
    inputsIn(base, shape, inputs, row, block);
    for (int e = 0; e < ScanTile.width(shape, block); e += LANES) {
      enter(base, shape, row, block, e);
    }
  }

  private static void inputsIn(long base, Shape shape, Inputs inputs, long row, int block) {
    panelIn(base, shape, inputs.dt(), row, block, ScanTile.RAW);
    panelIn(base, shape, inputs.u(), row, block, ScanTile.U);
  }

  private static void enter(long base, Shape shape, long row, int block, int e) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int steps = ScanStage.steps(shape, row);
    long column = column(base, chunk, e);
    long bias = base + ((ScanTile.bias(chunk, width, shape.dState()) + e) << 2);
    long skip = base + ((ScanTile.skip(chunk, width, shape.dState()) + e) << 2);
    if (shape.softplus()) {
      VectorPointLoops.enterExponential(column, bias, steps);
      VectorPointLoops.softplusEnd(column, steps);
    } else {
      VectorPointLoops.enterDelta(column, bias, steps);
    }
    VectorPointLoops.enterInput(column, skip, steps);
  }

  static void leave(
      MemorySegment tile, Shape shape, @Nullable View z, View out, long row, int block) {
    long base = VectorTileMemory.offset(tile);
    if (z != null) {
      panelIn(base, shape, z, row, block, ScanTile.Z);
      for (int e = 0; e < ScanTile.width(shape, block); e += LANES) {
        gate(base, shape, row, e);
      }
    }
    panelOut(base, shape, out, row, block, ScanTile.OUT);
  }

  private static void gate(long base, Shape shape, long row, int e) {
    long column = column(base, ScanTile.chunk(shape), e);
    int steps = ScanStage.steps(shape, row);
    denominators(column, ScanTile.Z, ScanTile.DELTA_GRAD, steps);
    VectorPointLoops.gate(column, steps);
  }

  /**
   * {@link #enter}, the states under Euler's rule and {@link #leave}, vector by vector of channels,
   * whose panels then stay in the first-level cache.
   */
  static void forward(
      MemorySegment tile, Shape shape, Inputs inputs, View out, long row, int block) {
    long base = VectorTileMemory.offset(tile);
    View z = inputs.z();
    inputsIn(base, shape, inputs, row, block);
    if (z != null) {
      panelIn(base, shape, z, row, block, ScanTile.Z);
    }
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int steps = ScanStage.steps(shape, row);
    for (int e = 0; e < width; e += LANES) {
      enter(base, shape, row, block, e);
      VectorEulerScan.forwardColumn(tile, steps, chunk, width, shape.dState(), e);
      if (z != null) {
        gate(base, shape, row, e);
      }
    }
    panelOut(base, shape, out, row, block, ScanTile.OUT);
  }

  static void enterGrad(
      MemorySegment tile, Shape shape, @Nullable View z, View outGrad, long row, int block) {
    long base = VectorTileMemory.offset(tile);
    panelIn(base, shape, outGrad, row, block, ScanTile.OUT_GRAD);
    if (z != null) {
      panelIn(base, shape, z, row, block, ScanTile.Z);
      int steps = ScanStage.steps(shape, row);
      for (int e = 0; e < ScanTile.width(shape, block); e += LANES) {
        long column = column(base, ScanTile.chunk(shape), e);
        denominators(column, ScanTile.Z, ScanTile.DELTA_GRAD, steps);
        VectorPointLoops.gateGrad(column, steps);
      }
    }
  }

  private static void denominators(long column, int panel, int target, int steps) {
    VectorPointLoops.denominators(column + panel * PANEL, column + target * PANEL, steps);
  }

  static void leaveGrad(
      MemorySegment tile, Shape shape, Gradients gradients, boolean gated, long row, int block) {
    long base = VectorTileMemory.offset(tile);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int steps = ScanStage.steps(shape, row);
    long skip = base + (ScanTile.skip(chunk, width, shape.dState()) << 2);
    long skipGrad = base + (ScanTile.skipGrad(chunk, width, shape.dState()) << 2);
    long biasGrad = base + (ScanTile.biasGrad(chunk, width, shape.dState()) << 2);
    for (int e = 0; e < width; e += LANES) {
      long column = column(base, chunk, e);
      if (ScanStage.zoh(shape)) {
        VectorPointLoops.zohGrads(column, skip + 4L * e, steps);
      } else {
        VectorPointLoops.eulerGrads(column, skip + 4L * e, steps);
      }
      if (shape.softplus()) {
        denominators(column, ScanTile.RAW, ScanTile.RAW, steps);
        VectorPointLoops.softplusGrad(column, steps);
      }
      VectorPointLoops.sumGrads(column, skipGrad + 4L * e, biasGrad + 4L * e, steps);
      if (gated) {
        VectorPointLoops.gateFactorGrad(column, steps);
      }
    }
    leave(base, shape, gradients.u(), row, block, ScanTile.INPUT_GRAD);
    leave(base, shape, gradients.dt(), row, block, ScanTile.DELTA_GRAD);
    if (gated) {
      leave(base, shape, gradients.z(), row, block, ScanTile.Z);
    }
  }

  private static void leave(
      long base, Shape shape, @Nullable Sink sink, long row, int block, int panel) {
    if (sink == null) {
      return;
    }
    if (sink.add()) {
      panelAdd(base, shape, sink.view(), row, block, panel);
    }
    panelOut(base, shape, sink.view(), row, block, panel);
  }

  private static long panel(long base, int panel) {
    return base + panel * PANEL;
  }

  /** Copies a chunk of a view into a panel, with zeros up to its edge. */
  private static void panelIn(long base, Shape shape, View view, long row, int block, int panel) {
    int channels = ScanStage.channels(shape, block);
    VectorPanelRows.in(
        CpuStorage.of(view),
        bytes(shape, view, row, block),
        view.stride() << 2,
        panel(base, panel),
        ScanTile.pitch(ScanTile.chunk(shape)) << 2,
        ScanStage.steps(shape, row),
        SPECIES.loopBound(channels));
    if (channels < ScanTile.width(shape, block)) {
      tailIn(base, shape, view, row, block, panel);
    }
  }

  /** Copies the channels that fill no vector into a panel, up to its edge with zeros. */
  private static void tailIn(long base, Shape shape, View view, long row, int block, int panel) {
    MemorySegment source = offHeap(CpuStorage.of(view));
    int channels = ScanStage.channels(shape, block);
    long stride = view.stride() << 2;
    int width = ScanTile.width(shape, block);
    for (int e = SPECIES.loopBound(channels); e < width; e += LANES) {
      long from = bytes(shape, view, row, block) + 4L * e;
      long to = column(base, ScanTile.chunk(shape), e) + panel * PANEL;
      VectorMask<Float> real = SPECIES.indexInRange(Math.min(e, channels), channels);
      int steps = ScanStage.steps(shape, row);
      for (int t = 0; t < steps; t++) {
        FloatVector value = fromMemorySegment(SPECIES, source, from + t * stride, ORDER, real);
        value.intoMemorySegment(MEMORY, (to + t * STEP) & MASK, ORDER);
      }
    }
  }

  /** Adds a chunk of a view to a panel. */
  private static void panelAdd(long base, Shape shape, View view, long row, int block, int panel) {
    MemorySegment source = offHeap(CpuStorage.of(view));
    int channels = ScanStage.channels(shape, block);
    long stride = view.stride() << 2;
    int chunk = ScanTile.chunk(shape);
    int steps = ScanStage.steps(shape, row);
    long first = bytes(shape, view, row, block);
    for (int e = 0; e < channels; e += LANES) {
      long from = first + 4L * e;
      long to = column(base, chunk, e) + panel * PANEL;
      VectorMask<Float> real = SPECIES.indexInRange(e, channels);
      for (int t = 0; t < steps; t++) {
        long at = (to + t * STEP) & MASK;
        fromMemorySegment(SPECIES, source, from + t * stride, ORDER, real)
            .add(fromMemorySegment(SPECIES, MEMORY, at, ORDER))
            .intoMemorySegment(MEMORY, at, ORDER);
      }
    }
  }

  /** Copies a panel out. */
  private static void panelOut(long base, Shape shape, View view, long row, int block, int panel) {
    VectorPanelRows.out(
        panel(base, panel),
        ScanTile.pitch(ScanTile.chunk(shape)) << 2,
        CpuStorage.of(view),
        bytes(shape, view, row, block),
        view.stride() << 2,
        ScanStage.steps(shape, row),
        SPECIES.loopBound(ScanStage.channels(shape, block)));
    tailOut(base, shape, view, row, block, panel);
  }

  /** Copies the channels that fill no vector out of a panel. */
  private static void tailOut(long base, Shape shape, View view, long row, int block, int panel) {
    MemorySegment target = offHeap(CpuStorage.of(view));
    int channels = ScanStage.channels(shape, block);
    int e = SPECIES.loopBound(channels);
    if (e < channels) {
      VectorMask<Float> real = SPECIES.indexInRange(e, channels);
      long from = column(base, ScanTile.chunk(shape), e) + panel * PANEL;
      long to = bytes(shape, view, row, block) + 4L * e;
      int steps = ScanStage.steps(shape, row);
      for (int t = 0; t < steps; t++) {
        FloatVector value = fromMemorySegment(SPECIES, MEMORY, (from + t * STEP) & MASK, ORDER);
        value.intoMemorySegment(target, to + t * (view.stride() << 2), ORDER, real);
      }
    }
  }
}
