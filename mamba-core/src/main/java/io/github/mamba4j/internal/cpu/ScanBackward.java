package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.stateFloats;
import static io.github.mamba4j.internal.cpu.ScanStage.zoh;

import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * The gradients of the selective scan.
 *
 * <p>With g_t the gradient of h_t, which runs backwards as {@code g_t = dy_t·C_t +
 * exp(Δ_{t+1}A)·g_{t+1}}, every other gradient is a sum over g_t and the states. Chunks are visited
 * from the last to the first; the states of a chunk are recomputed from its checkpoint.
 *
 * <p>Sums over channels (for B and C) leave one partial a block, sums over time (for A, the direct
 * path and the bias) one a task; they are added up in order at the end. Where time is cut into
 * segments, g is first carried through all of them as the forward scan carries h.
 */
final class ScanBackward {
  private final WorkerPool pool;
  private final ScanLoops loops;
  private final ScanStage stage;
  private final ScanReduction reduction;
  private final WorkerPool.Body<Backward> summarise = this::summarise;
  private final WorkerPool.Body<Backward> join = this::join;
  private final WorkerPool.Body<Backward> compute = this::compute;

  ScanBackward(WorkerPool pool, ScanLoops loops) {
    this.pool = pool;
    this.loops = loops;
    stage = new ScanStage(loops);
    reduction = new ScanReduction(pool, loops);
  }

  /** Partial sums, and what enters every segment from the right with its sum of Δ. */
  static long workspaceFloats(Shape shape) {
    return ScanReduction.floats(shape) + ScanSegments.floats(shape);
  }

  void run(Backward scan) {
    Shape shape = scan.shape();
    int blocks = shape.batch() * ScanTile.blocks(shape);
    int parts = ScanTile.segments(shape);
    if (parts > 1) {
      pool.forEach(blocks * (parts - 1), scan, summarise);
      pool.forEach(blocks, scan, join);
    }
    pool.forEach(blocks * parts, scan, compute);
    reduction.run(scan);
  }

  /** Returns where what segments leave each other begins in the workspace. */
  private static long start(Backward scan) {
    return scan.workspace().offset() + ScanReduction.floats(scan.shape());
  }

  /** Carries g through a segment that nothing enters, and leaves it with the segment before. */
  private void summarise(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int parts = ScanTile.segments(shape) - 1;
    int segment = task % parts + 1;
    int block = task / parts % ScanTile.blocks(shape);
    int sequence = task / parts / ScanTile.blocks(shape);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    MemorySegment tile = loops.claim(scratch, ScanTile.floats(chunk, width, states));
    try {
      long stateGrad = ScanTile.stateGrad(chunk, width, states);
      long sum = ScanTile.deltaSum(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      loops.clear(tile, stateGrad, (long) states * width);
      loops.clear(tile, sum, width);
      int first = segment * ScanTile.segmentChunks(shape);
      int last = Math.min(first + ScanTile.segmentChunks(shape), ScanTile.chunks(shape));
      for (int k = last - 1; k >= first; k--) {
        int steps = stageChunk(scan, sequence, k, block, tile);
        loops.carryGrad(tile, steps, chunk, width, states);
        loops.sumDelta(tile, steps, chunk, width, shape.dState());
      }
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      int before = sequence * ScanTile.segments(shape) + segment - 1;
      long at = ScanSegments.state(shape, start(scan), before);
      stage.storeStates(shape, tile, stateGrad, workspace, at, shape.dInner(), block);
      stage.storeDelta(
          shape, tile, workspace, ScanSegments.delta(shape, start(scan), before), block);
    } finally {
      loops.release(tile);
    }
  }

  private void join(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int block = task % ScanTile.blocks(shape);
    int sequence = task / ScanTile.blocks(shape);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    MemorySegment tile = loops.claim(scratch, ScanTile.floats(chunk, width, states));
    try {
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      long stateGrad = ScanTile.stateGrad(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      stage.loadStates(shape, scan.finalStateGrad(), sequence, block, tile, stateGrad);
      int first = sequence * ScanTile.segments(shape);
      int last = first + ScanTile.segments(shape) - 1;
      for (int segment = last; segment >= first; segment--) {
        long at = ScanSegments.state(shape, start(scan), segment);
        if (segment < last) {
          long sum = ScanSegments.delta(shape, start(scan), segment);
          stage.decayAndAdd(shape, workspace, at, sum, block, tile, stateGrad);
        }
        stage.storeStates(shape, tile, stateGrad, workspace, at, shape.dInner(), block);
      }
    } finally {
      loops.release(tile);
    }
  }

  private void compute(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int parts = ScanTile.segments(shape);
    int segment = task % parts;
    int block = task / parts % ScanTile.blocks(shape);
    int sequence = task / parts / ScanTile.blocks(shape);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    MemorySegment tile = loops.claim(scratch, ScanTile.floats(chunk, width, states));
    try {
      long stateGrad = ScanTile.stateGrad(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      loops.clear(tile, ScanTile.aGrad(chunk, width, states), (long) states * width);
      loops.clear(tile, ScanTile.skipGrad(chunk, width, states), width);
      loops.clear(tile, ScanTile.biasGrad(chunk, width, states), width);
      if (parts > 1) {
        MemorySegment workspace = CpuStorage.of(scan.workspace());
        int index = sequence * parts + segment;
        long at = ScanSegments.state(shape, start(scan), index);
        stage.loadStates(shape, workspace, at, shape.dInner(), block, tile, stateGrad);
      } else {
        stage.loadStates(shape, scan.finalStateGrad(), sequence, block, tile, stateGrad);
      }
      int first = segment * ScanTile.segmentChunks(shape);
      int last = Math.min(first + ScanTile.segmentChunks(shape), ScanTile.chunks(shape));
      for (int k = last - 1; k >= first; k--) {
        computeChunk(scan, sequence, k, block, tile);
      }
      reduction.leaveSums(scan, sequence * parts + segment, block, tile);
      Sink initialGrad = scan.gradients().initialState();
      if (initialGrad != null && first == 0) {
        stage.storeStates(shape, initialGrad, sequence, block, tile, stateGrad);
      }
    } finally {
      loops.release(tile);
    }
  }

  private void computeChunk(Backward scan, int sequence, int k, int block, MemorySegment tile) {
    Shape shape = scan.shape();
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    View checkpoints = scan.checkpoints();
    long index = (long) sequence * ScanTile.chunks(shape) + k;
    stage.loadStates(
        shape,
        CpuStorage.of(checkpoints),
        checkpoints.offset() + index * stateFloats(shape),
        shape.dInner(),
        block,
        tile,
        ScanTile.state(chunk, width, states));
    int steps = stageChunk(scan, sequence, k, block, tile);
    long row = ScanStage.row(shape, sequence, k);
    long b = ScanTile.b(chunk, width, states);
    stage.projection(shape, scan.inputs().b(), row, tile, b);
    loops.scanStatesGrad(tile, steps, chunk, width, states, zoh(shape));
    boolean gated = scan.inputs().z() != null;
    loops.leaveGrad(tile, shape, scan.gradients(), gated, row, block);
    reduction.leaveProjections(scan, row, block, tile);
  }

  /** Stages what g needs, the gradient before the gate among it, and returns the chunk's steps. */
  private int stageChunk(Backward scan, int sequence, int k, int block, MemorySegment tile) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    long row = ScanStage.row(shape, sequence, k);
    int steps = ScanStage.steps(shape, row);
    loops.enter(tile, shape, inputs, row, block);
    loops.enterGrad(tile, shape, inputs.z(), scan.outGrad(), row, block);
    stage.projection(shape, inputs.c(), row, tile, ScanTile.c(chunk, width, states));
    return steps;
  }
}
