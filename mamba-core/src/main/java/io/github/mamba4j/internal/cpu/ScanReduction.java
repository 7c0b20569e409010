package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.stateFloats;

import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The sums of the backward scan that cross tasks: partials in the workspace, added up in the order
 * of the tasks.
 *
 * <p>Workspace: gradients of A [tasks, dState, dInner], of the direct path and of the bias [tasks,
 * 2, dInner] with a task a sequence and segment; of B and C [blocks, 2, batch·length, dState].
 */
final class ScanReduction {
  private static final int ROWS = 64;

  private final WorkerPool pool;
  private final ScanLoops loops;
  private final WorkerPool.Body<Backward> reduceProjections = this::reduceProjections;
  private final WorkerPool.Body<Backward> reduceParameters = this::reduceParameters;

  ScanReduction(WorkerPool pool, ScanLoops loops) {
    this.pool = pool;
    this.loops = loops;
  }

  private static long tasks(Shape shape) {
    return (long) shape.batch() * ScanTile.segments(shape);
  }

  private static long vectorPartials(Shape shape) {
    return tasks(shape) * stateFloats(shape);
  }

  private static long projectionPartials(Shape shape) {
    return vectorPartials(shape) + tasks(shape) * 2 * shape.dInner();
  }

  private static long projectionFloats(Shape shape) {
    return (long) shape.batch() * shape.length() * shape.dState();
  }

  static long floats(Shape shape) {
    return projectionPartials(shape) + 2L * ScanTile.blocks(shape) * projectionFloats(shape);
  }

  /** Stores a task's gradients of A, of the direct path's weight and of the bias. */
  void leaveSums(Backward scan, int task, int block, MemorySegment tile) {
    Shape shape = scan.shape();
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    int channels = ScanStage.channels(shape, block);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long first = scan.workspace().offset() + ScanStage.firstChannel(shape, block);
    loops.copyOut(
        tile,
        ScanTile.aGrad(chunk, width, states),
        width,
        workspace,
        first + task * stateFloats(shape),
        shape.dInner(),
        shape.dState(),
        channels);
    loops.copyOut(
        tile,
        ScanTile.skipGrad(chunk, width, states),
        width,
        workspace,
        first + vectorPartials(shape) + 2L * task * shape.dInner(),
        shape.dInner(),
        2,
        channels);
  }

  /** Stores a block's gradients of B and C of a chunk. */
  void leaveProjections(Backward scan, long row, int block, MemorySegment tile) {
    Shape shape = scan.shape();
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    int steps = ScanStage.steps(shape, row);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long target =
        scan.workspace().offset()
            + projectionPartials(shape)
            + 2L * block * projectionFloats(shape)
            + row * shape.dState();
    for (int which = 0; which < 2; which++) {
      long source =
          which == 0 ? ScanTile.bGrad(chunk, width, states) : ScanTile.cGrad(chunk, width, states);
      loops.copyOut(
          tile,
          source,
          states,
          workspace,
          target + which * projectionFloats(shape),
          shape.dState(),
          steps,
          shape.dState());
    }
  }

  void run(Backward scan) {
    Shape shape = scan.shape();
    long rows = (long) shape.batch() * shape.length();
    pool.forEach(Math.toIntExact(Math.ceilDiv(rows, ROWS)), scan, reduceProjections);
    pool.forEach(ScanTile.blocks(shape), scan, reduceParameters);
  }

  private void reduceProjections(Backward scan, int task, Scratch scratch) {
    reduceProjection(scan, scan.gradients().b(), 0, task, scratch);
    reduceProjection(scan, scan.gradients().c(), 1, task, scratch);
  }

  private void reduceProjection(
      Backward scan, @Nullable Sink sink, int which, int task, Scratch scratch) {
    if (sink == null) {
      return;
    }
    Shape shape = scan.shape();
    int width = shape.dState();
    long row = (long) task * ROWS;
    int rows = (int) Math.min(ROWS, (long) shape.batch() * shape.length() - row);
    MemorySegment tile = scratch.floats((long) rows * width);
    long stride = projectionFloats(shape);
    loops.sumPartials(
        CpuStorage.of(scan.workspace()),
        scan.workspace().offset() + projectionPartials(shape) + which * stride + row * width,
        2 * stride,
        ScanTile.blocks(shape),
        tile,
        0,
        rows * width);
    store(sink, row, 0, tile, width, rows, width);
  }

  private void store(
      Sink sink, long row, int first, MemorySegment tile, int width, int rows, int cols) {
    View view = sink.view();
    MemorySegment segment = CpuStorage.of(view);
    long offset = view.offset() + row * view.stride() + first;
    if (sink.add()) {
      loops.addIn(segment, offset, view.stride(), tile, 0, width, rows, cols);
    }
    loops.copyOut(tile, 0, width, segment, offset, view.stride(), rows, cols);
  }

  private void reduceParameters(Backward scan, int block, Scratch scratch) {
    Shape shape = scan.shape();
    int width = ScanTile.width(shape, block);
    int first = ScanStage.firstChannel(shape, block);
    int channels = ScanStage.channels(shape, block);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    MemorySegment tile = scratch.floats((long) shape.dState() * width);
    int tasks = Math.toIntExact(tasks(shape));
    long from = scan.workspace().offset() + first;
    Sink a = scan.gradients().a();
    if (a != null) {
      for (int n = 0; n < shape.dState(); n++) {
        long offset = from + (long) n * shape.dInner();
        long target = (long) n * width;
        loops.sumPartials(workspace, offset, stateFloats(shape), tasks, tile, target, channels);
      }
      store(a, 0, first, tile, width, shape.dState(), channels);
    }
    long vectors = from + vectorPartials(shape);
    long stride = 2L * shape.dInner();
    Sink skip = scan.gradients().dSkip();
    if (skip != null) {
      loops.sumPartials(workspace, vectors, stride, tasks, tile, 0, channels);
      store(skip, 0, first, tile, width, 1, channels);
    }
    Sink bias = scan.gradients().dtBias();
    if (bias != null) {
      loops.sumPartials(workspace, vectors + shape.dInner(), stride, tasks, tile, 0, channels);
      store(bias, 0, first, tile, width, 1, channels);
    }
  }
}
