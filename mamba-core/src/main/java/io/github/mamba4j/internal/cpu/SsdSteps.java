package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * The scan step by step, for the few steps of a decoder: every state is read and written once a
 * step, where it lies. A task is a stretch of the channels of a group of one sequence.
 */
final class SsdSteps {
  /** Channels a task. */
  static final int WIDTH = 256;

  private static final long INPUT = WIDTH;
  private static final long OUT = 2L * WIDTH;
  private static final long STATE = 3L * WIDTH;

  private final WorkerPool pool;
  private final Rows rows;
  private final SsdLoops loops;
  private final WorkerPool.Body<Forward> compute = this::compute;

  SsdSteps(WorkerPool pool, Rows rows, SsdLoops loops) {
    this.pool = pool;
    this.rows = rows;
    this.loops = loops;
  }

  private static int stretches(Shape shape) {
    return Math.ceilDiv(shape.dInner() / shape.groups(), WIDTH);
  }

  void run(Forward scan) {
    Shape shape = scan.shape();
    pool.forEach(shape.batch() * shape.groups() * stretches(shape), scan, compute);
  }

  private void compute(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int group = task / stretches(shape) % shape.groups();
    int sequence = task / stretches(shape) / shape.groups();
    int groupWidth = shape.dInner() / shape.groups();
    int inGroup = task % stretches(shape) * WIDTH;
    int first = group * groupWidth + inGroup;
    int width = Math.min(WIDTH, groupWidth - inGroup);
    View finalState = scan.finalState();
    MemorySegment tile =
        scratch.floats(STATE + (finalState == null ? (long) shape.dState() * WIDTH : 0));
    MemorySegment state = finalState == null ? tile : CpuStorage.of(finalState);
    long stride = finalState == null ? WIDTH : finalState.stride();
    long at =
        finalState == null
            ? STATE
            : finalState.offset() + (long) sequence * shape.dState() * stride + first;
    View initial = scan.inputs().initialState();
    MemorySegment from = initial == null ? state : CpuStorage.of(initial);
    long fromStride = initial == null ? stride : initial.stride();
    long fromAt =
        initial == null
            ? at
            : initial.offset() + (long) sequence * shape.dState() * fromStride + first;
    if (initial == null) {
      for (int n = 0; n < shape.dState(); n++) {
        rows.fill(0, state, at + n * stride, width);
      }
    }
    long row = (long) sequence * shape.length();
    for (int t = 0; t < shape.length(); t++) {
      if (t % SsdCut.chunk(shape) == 0) {
        leave(scan, sequence, t, from, fromAt, fromStride, first, width);
      }
      begin(shape, scan.inputs(), row + t, first, width, tile);
      MemorySegment b = CpuStorage.of(scan.inputs().b());
      MemorySegment c = CpuStorage.of(scan.inputs().c());
      long bAt = projection(shape, scan.inputs().b(), row + t, group);
      long cAt = projection(shape, scan.inputs().c(), row + t, group);
      for (int n = 0; n < shape.dState(); n++) {
        float bn = CpuStorage.get(b, bAt + n);
        float cn = CpuStorage.get(c, cAt + n);
        loops.step(from, fromAt + n * fromStride, state, at + n * stride, tile, bn, cn, width);
      }
      from = state;
      fromAt = at;
      fromStride = stride;
      View out = scan.out();
      long outAt = out.offset() + (row + t) * out.stride() + first;
      rows.scale(1, tile, OUT, CpuStorage.of(out), outAt, width, false);
    }
  }

  private static long projection(Shape shape, View view, long row, int group) {
    return view.offset() + row * view.stride() + (long) group * shape.dState();
  }

  /** Leaves the state before a chunk for the backward scan. */
  private void leave(
      Forward scan,
      int sequence,
      int t,
      MemorySegment from,
      long fromAt,
      long fromStride,
      int first,
      int width) {
    View checkpoints = scan.checkpoints();
    if (checkpoints == null) {
      return;
    }
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.chunks(shape) + t / SsdCut.chunk(shape);
    long to = checkpoints.offset() + index * SsdCut.stateFloats(shape) + first;
    MemorySegment target = CpuStorage.of(checkpoints);
    for (int n = 0; n < shape.dState(); n++) {
      long toAt = to + (long) n * shape.dInner();
      rows.scale(1, from, fromAt + n * fromStride, target, toAt, width, false);
    }
  }

  /** Spreads the decays, Δ·x and D·x over the channels of the tile. */
  private void begin(
      Shape shape, Inputs inputs, long row, int first, int width, MemorySegment tile) {
    int dim = shape.headDim();
    MemorySegment x = CpuStorage.of(inputs.x());
    long xAt = inputs.x().offset() + row * inputs.x().stride();
    for (int e = first; e < first + width; ) {
      int head = e / dim;
      int n = Math.min((head + 1) * dim, first + width) - e;
      float delta = SsdCut.delta(shape, SsdCut.raw(inputs, row, head));
      rows.fill(ScalarMath.exp(delta * SsdCut.rate(inputs, head)), tile, e - first, n);
      rows.scale(delta, x, xAt + e, tile, INPUT + e - first, n, false);
      View skip = inputs.dSkip();
      if (skip == null) {
        rows.fill(0, tile, OUT + e - first, n);
      } else if (shape.skipPerChannel()) {
        MemorySegment weight = CpuStorage.of(skip);
        rows.product(x, xAt + e, weight, skip.offset() + e, tile, OUT + e - first, n, false);
      } else {
        float weight = CpuStorage.get(CpuStorage.of(skip), skip.offset() + head);
        rows.scale(weight, x, xAt + e, tile, OUT + e - first, n, false);
      }
      e += n;
    }
  }
}
