package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Moves parameters, states and chunks between views and tiles. */
final class ScanStage {
  private final ScanLoops loops;

  ScanStage(ScanLoops loops) {
    this.loops = loops;
  }

  /** Returns the first channel of a block. */
  static int firstChannel(Shape shape, int block) {
    return block * ScanTile.width(shape);
  }

  /** Returns how many channels of a block are real. */
  static int channels(Shape shape, int block) {
    return Math.min(ScanTile.width(shape), shape.dInner() - firstChannel(shape, block));
  }

  static boolean zoh(Shape shape) {
    return shape.discretization() == Discretization.ZOH;
  }

  static long stateFloats(Shape shape) {
    return (long) shape.dState() * shape.dInner();
  }

  /** Loads A, the direct path's weight and the bias of a block. */
  void parameters(Shape shape, Inputs inputs, int block, MemorySegment tile) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    row(shape, inputs.dSkip(), block, tile, ScanTile.skip(chunk, width, states));
    row(shape, inputs.dtBias(), block, tile, ScanTile.bias(chunk, width, states));
    loadA(shape, inputs.a(), block, tile);
  }

  private void row(Shape shape, @Nullable View view, int block, MemorySegment tile, long target) {
    int width = ScanTile.width(shape, block);
    loops.clear(tile, target, width);
    if (view != null) {
      long offset = view.offset() + firstChannel(shape, block);
      loops.copyIn(CpuStorage.of(view), offset, 0, tile, target, width, 1, channels(shape, block));
    }
  }

  private void loadA(Shape shape, View a, int block, MemorySegment tile) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    int channels = channels(shape, block);
    if (channels < width) {
      loops.clear(tile, ScanTile.a(chunk, width), (long) states * width);
    }
    loops.copyIn(
        CpuStorage.of(a),
        a.offset() + firstChannel(shape, block),
        a.stride(),
        tile,
        ScanTile.a(chunk, width),
        width,
        states,
        channels);
    loops.scaleDiagonal(tile, chunk, width, states, zoh(shape));
  }

  /** Returns the first row of a chunk. */
  static long row(Shape shape, int sequence, int k) {
    return (long) sequence * shape.length() + (long) k * ScanTile.chunk(shape);
  }

  /** Returns the steps from a row to the end of its chunk. */
  static int steps(Shape shape, long row) {
    return (int) Math.min(ScanTile.chunk(shape), shape.length() - row % shape.length());
  }

  /** Copies a chunk of B and of C in. */
  void projections(Shape shape, Inputs inputs, long row, int block, MemorySegment tile) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    projection(shape, inputs.b(), row, tile, ScanTile.b(chunk, width, states));
    projection(shape, inputs.c(), row, tile, ScanTile.c(chunk, width, states));
  }

  /** Copies a chunk of B or C in. */
  void projection(Shape shape, View view, long row, MemorySegment tile, long target) {
    loops.copyIn(
        CpuStorage.of(view),
        view.offset() + row * view.stride(),
        view.stride(),
        tile,
        target,
        shape.dState(),
        steps(shape, row),
        shape.dState());
  }

  /** Returns the offset of a block's first channel in a row of a view. */
  static long offset(Shape shape, View view, long row, int block) {
    return view.offset() + row * view.stride() + firstChannel(shape, block);
  }

  /** {@code tile ← exp(A·ΣΔ)·tile + summand} for the states of a block. */
  void decayAndAdd(
      Shape shape,
      MemorySegment workspace,
      long summand,
      long deltaSum,
      int block,
      MemorySegment tile,
      long target) {
    int width = ScanTile.width(shape, block);
    int first = firstChannel(shape, block);
    long a = ScanTile.a(ScanTile.chunk(shape), width);
    for (int n = 0; n < shape.dState(); n++) {
      for (int e = 0; e < channels(shape, block); e++) {
        long at = (long) n * width + e;
        float sum = CpuStorage.get(workspace, deltaSum + first + e);
        float decay = ScalarMath.exp2(CpuStorage.get(tile, a + at) * sum);
        float add = CpuStorage.get(workspace, summand + (long) n * shape.dInner() + first + e);
        float value = Math.fma(decay, CpuStorage.get(tile, target + at), add);
        CpuStorage.set(tile, target + at, value);
      }
    }
  }

  /** Loads the states [dState, dInner] of a block. */
  void loadStates(
      Shape shape,
      MemorySegment source,
      long offset,
      long stride,
      int block,
      MemorySegment tile,
      long target) {
    int width = ScanTile.width(shape, block);
    loops.clear(tile, target, (long) shape.dState() * width);
    loops.copyIn(
        source,
        offset + firstChannel(shape, block),
        stride,
        tile,
        target,
        width,
        shape.dState(),
        channels(shape, block));
  }

  /** Loads the states of a sequence from a view [batch, dState, dInner], zeros if there is none. */
  void loadStates(
      Shape shape, @Nullable View view, int sequence, int block, MemorySegment tile, long target) {
    if (view == null) {
      loops.clear(tile, target, (long) shape.dState() * ScanTile.width(shape, block));
    } else {
      long offset = view.offset() + (long) sequence * shape.dState() * view.stride();
      loadStates(shape, CpuStorage.of(view), offset, view.stride(), block, tile, target);
    }
  }

  /** Stores the states [dState, dInner] of a block. */
  void storeStates(
      Shape shape,
      MemorySegment tile,
      long source,
      MemorySegment target,
      long offset,
      long stride,
      int block) {
    loops.copyOut(
        tile,
        source,
        ScanTile.width(shape, block),
        target,
        offset + firstChannel(shape, block),
        stride,
        shape.dState(),
        channels(shape, block));
  }

  /** Stores the states of a sequence in a sink [batch, dState, dInner], or adds them. */
  void storeStates(
      Shape shape, Sink sink, int sequence, int block, MemorySegment tile, long source) {
    View view = sink.view();
    MemorySegment segment = CpuStorage.of(view);
    long offset = view.offset() + (long) sequence * shape.dState() * view.stride();
    if (sink.add()) {
      loops.addIn(
          segment,
          offset + firstChannel(shape, block),
          view.stride(),
          tile,
          source,
          ScanTile.width(shape, block),
          shape.dState(),
          channels(shape, block));
    }
    storeStates(shape, tile, source, segment, offset, view.stride(), block);
  }

  /** Stores a block's sum of Δ. */
  void storeDelta(Shape shape, MemorySegment tile, MemorySegment target, long start, int block) {
    int width = ScanTile.width(shape, block);
    long sum = ScanTile.deltaSum(ScanTile.chunk(shape), width, shape.dState());
    long at = start + firstChannel(shape, block);
    loops.copyOut(tile, sum, width, target, at, 0, 1, channels(shape, block));
  }
}
