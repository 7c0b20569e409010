package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Moves step sizes, chunks of a head and states between views and a worker's tile. */
final class SsdStage {
  private static final double LOG2_E = 1 / Math.log(2);

  private final Rows rows;
  private final ScanLoops copies;
  private final SsdLoops loops;

  SsdStage(Rows rows, ScanLoops copies, SsdLoops loops) {
    this.rows = rows;
    this.copies = copies;
    this.loops = loops;
  }

  /** Returns how many steps of a chunk are real. */
  static int steps(Shape shape, int k) {
    return Math.min(SsdCut.chunk(shape), shape.length() - k * SsdCut.chunk(shape));
  }

  /** Returns the first row of a chunk. */
  static long row(Shape shape, int sequence, int k) {
    return (long) sequence * shape.length() + (long) k * SsdCut.chunk(shape);
  }

  /** Leaves the step sizes of a chunk, their sums and the factors that follow from these. */
  void stepSizes(Shape shape, Inputs inputs, int sequence, int k, int head, MemorySegment tile) {
    int chunk = SsdCut.chunk(shape);
    sums(shape, inputs, row(shape, sequence, k), steps(shape, k), head, tile);
    exponents(chunk, tile);
    loops.powers(tile, SsdTile.ENTER, SsdTile.LEAVE - SsdTile.ENTER + chunk);
    rows.product(tile, SsdTile.LEAVE, tile, SsdTile.DELTA, tile, SsdTile.INPUT, chunk, false);
  }

  private static void sums(
      Shape shape, Inputs inputs, long row, int steps, int head, MemorySegment tile) {
    double rate = SsdCut.rate(inputs, head) * LOG2_E;
    double sum = 0;
    for (int t = 0; t < SsdCut.chunk(shape); t++) {
      float raw = t < steps ? SsdCut.raw(inputs, row + t, head) : 0;
      float delta = t < steps ? SsdCut.delta(shape, raw) : 0;
      sum += delta * rate;
      float high = (float) sum;
      CpuStorage.set(tile, SsdTile.RAW + t, raw);
      // What is no number is hidden by the powers of two; it stays here, with the inputs.
      CpuStorage.set(tile, SsdTile.DELTA + t, Double.isNaN(sum) ? Float.NaN : delta);
      CpuStorage.set(tile, SsdTile.HIGH + t, high);
      CpuStorage.set(tile, SsdTile.LOW + t, (float) (sum - high));
    }
  }

  /** Leaves the exponents of the factors in their places. */
  private static void exponents(int chunk, MemorySegment tile) {
    float lastHigh = CpuStorage.get(tile, SsdTile.HIGH + chunk - 1L);
    float lastLow = CpuStorage.get(tile, SsdTile.LOW + chunk - 1L);
    for (int t = 0; t < chunk; t++) {
      float high = CpuStorage.get(tile, SsdTile.HIGH + t);
      float low = CpuStorage.get(tile, SsdTile.LOW + t);
      CpuStorage.set(tile, SsdTile.ENTER + t, high);
      CpuStorage.set(tile, SsdTile.LEAVE + t, (lastHigh - high) + (lastLow - low));
    }
  }

  /** Returns the first step of the vector of a step. */
  static int first(int s) {
    return s / SsdCut.LANES * SsdCut.LANES;
  }

  /** Returns the decay over a whole chunk. */
  static float decay(Shape shape, MemorySegment tile) {
    return CpuStorage.get(tile, SsdTile.ENTER + SsdCut.chunk(shape) - 1L);
  }

  /** Copies a chunk of a head in, [chunk, width], zeros beyond the last step and channel. */
  void chunkIn(Shape shape, View view, int sequence, int k, int head, MemorySegment tile, long to) {
    int width = SsdCut.roundUp(shape.headDim());
    int steps = steps(shape, k);
    if (width > shape.headDim() || steps < SsdCut.chunk(shape)) {
      copies.clear(tile, to, (long) SsdCut.chunk(shape) * width);
    }
    copies.copyIn(
        CpuStorage.of(view),
        view.offset() + row(shape, sequence, k) * view.stride() + (long) head * shape.headDim(),
        view.stride(),
        tile,
        to,
        width,
        steps,
        shape.headDim());
  }

  /** Copies a chunk of a head out, or adds it to what is there. */
  void chunkOut(
      Shape shape,
      View view,
      boolean add,
      int sequence,
      int k,
      int head,
      MemorySegment tile,
      long from) {
    int width = SsdCut.roundUp(shape.headDim());
    int steps = steps(shape, k);
    MemorySegment target = CpuStorage.of(view);
    long at =
        view.offset() + row(shape, sequence, k) * view.stride() + (long) head * shape.headDim();
    if (add) {
      copies.addIn(target, at, view.stride(), tile, from, width, steps, shape.headDim());
    }
    copies.copyOut(tile, from, width, target, at, view.stride(), steps, shape.headDim());
  }

  /** Copies some rows of a head's state in from states [dState, dInner]. */
  void stateIn(
      Shape shape,
      MemorySegment source,
      long at,
      long stride,
      int head,
      MemorySegment tile,
      long to) {
    int width = SsdCut.roundUp(shape.headDim());
    if (width > shape.headDim()) {
      copies.clear(tile, to, (long) shape.dState() * width);
    }
    long from = at + (long) head * shape.headDim();
    copies.copyIn(source, from, stride, tile, to, width, shape.dState(), shape.headDim());
  }

  /** Copies a head's state in from a view [batch, dState, dInner], zeros if there is none. */
  void stateIn(
      Shape shape, @Nullable View view, int sequence, int head, MemorySegment tile, long to) {
    if (view == null) {
      copies.clear(tile, to, (long) shape.dState() * SsdCut.roundUp(shape.headDim()));
    } else {
      long at = view.offset() + (long) sequence * shape.dState() * view.stride();
      stateIn(shape, CpuStorage.of(view), at, view.stride(), head, tile, to);
    }
  }

  /** Copies a head's state out to states [dState, dInner]. */
  void stateOut(
      Shape shape,
      MemorySegment tile,
      long from,
      MemorySegment target,
      long at,
      long stride,
      int head) {
    int width = SsdCut.roundUp(shape.headDim());
    long to = at + (long) head * shape.headDim();
    copies.copyOut(tile, from, width, target, to, stride, shape.dState(), shape.headDim());
  }

  /** Copies a head's state out to a view [batch, dState, dInner], or adds it. */
  void stateOut(
      Shape shape, View view, boolean add, int sequence, int head, MemorySegment tile, long from) {
    MemorySegment target = CpuStorage.of(view);
    long at = view.offset() + (long) sequence * shape.dState() * view.stride();
    if (add) {
      int width = SsdCut.roundUp(shape.headDim());
      long first = at + (long) head * shape.headDim();
      copies.addIn(
          target, first, view.stride(), tile, from, width, shape.dState(), shape.headDim());
    }
    stateOut(shape, tile, from, target, at, view.stride(), head);
  }

  /** {@code to += D·from} for a chunk of a head, [chunk, width]. */
  void skip(Shape shape, @Nullable View skip, int head, MemorySegment tile, long from, long to) {
    if (skip == null) {
      return;
    }
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    MemorySegment weights = CpuStorage.of(skip);
    if (shape.skipPerChannel()) {
      long at = skip.offset() + (long) head * shape.headDim();
      for (int t = 0; t < chunk; t++) {
        long row = (long) t * width;
        rows.product(tile, from + row, weights, at, tile, to + row, shape.headDim(), true);
      }
    } else {
      float weight = CpuStorage.get(weights, skip.offset() + head);
      rows.scale(weight, tile, from, tile, to, chunk * width, true);
    }
  }
}
