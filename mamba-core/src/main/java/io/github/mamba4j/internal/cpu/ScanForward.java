package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.stateFloats;
import static io.github.mamba4j.internal.cpu.ScanStage.zoh;

import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * The forward selective scan, Gu and Dao 2023, equation 2a and algorithm 2.
 *
 * <p>Where time is cut into segments, three phases: every segment runs from a zero state and leaves
 * its last state and its sum of Δ; these are joined in order, {@code h ← exp(A·ΣΔ)·h + last}; and
 * every segment runs again from the state it begins with. Only the last phase exists otherwise.
 */
final class ScanForward {
  private final WorkerPool pool;
  private final ScanLoops loops;
  private final ScanStage stage;
  private final WorkerPool.Body<Forward> summarise = this::summarise;
  private final WorkerPool.Body<Forward> join = this::join;
  private final WorkerPool.Body<Forward> compute = this::compute;

  ScanForward(WorkerPool pool, ScanLoops loops) {
    this.pool = pool;
    this.loops = loops;
    stage = new ScanStage(loops);
  }

  /** The first state of every segment, [batch, segments, dState, dInner], and its sum of Δ. */
  static long workspaceFloats(Shape shape) {
    return ScanSegments.floats(shape);
  }

  static long checkpointFloats(Shape shape) {
    return (long) shape.batch() * ScanTile.chunks(shape) * stateFloats(shape);
  }

  void run(Forward scan) {
    Shape shape = scan.shape();
    int blocks = shape.batch() * ScanTile.blocks(shape);
    int parts = ScanTile.segments(shape);
    if (parts > 1) {
      pool.forEach(blocks * (parts - 1), scan, summarise);
      pool.forEach(blocks, scan, join);
    }
    pool.forEach(blocks * parts, scan, compute);
  }

  private void summarise(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int parts = ScanTile.segments(shape) - 1;
    int segment = task % parts;
    int block = task / parts % ScanTile.blocks(shape);
    int sequence = task / parts / ScanTile.blocks(shape);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    MemorySegment tile = loops.claim(scratch, ScanTile.floats(chunk, width, states));
    try {
      long state = ScanTile.state(chunk, width, states);
      long sum = ScanTile.deltaSum(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      loops.clear(tile, state, (long) states * width);
      loops.clear(tile, sum, width);
      int first = segment * ScanTile.segmentChunks(shape);
      for (int k = first; k < first + ScanTile.segmentChunks(shape); k++) {
        long row = ScanStage.row(shape, sequence, k);
        stage.projections(shape, scan.inputs(), row, block, tile);
        loops.enter(tile, shape, scan.inputs(), row, block);
        loops.scanStates(tile, chunk, chunk, width, states, zoh(shape));
        loops.sumDelta(tile, chunk, chunk, width, shape.dState());
      }
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      long start = scan.workspace().offset();
      int next = sequence * ScanTile.segments(shape) + segment + 1;
      long at = ScanSegments.state(shape, start, next);
      stage.storeStates(shape, tile, state, workspace, at, shape.dInner(), block);
      stage.storeDelta(shape, tile, workspace, ScanSegments.delta(shape, start, next), block);
    } finally {
      loops.release(tile);
    }
  }

  private void join(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int block = task % ScanTile.blocks(shape);
    int sequence = task / ScanTile.blocks(shape);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    MemorySegment tile = loops.claim(scratch, ScanTile.floats(chunk, width, states));
    try {
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      long state = ScanTile.state(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      stage.loadStates(shape, scan.inputs().initialState(), sequence, block, tile, state);
      long start = scan.workspace().offset();
      int first = sequence * ScanTile.segments(shape);
      for (int segment = first; segment < first + ScanTile.segments(shape); segment++) {
        long at = ScanSegments.state(shape, start, segment);
        if (segment > first) {
          long sum = ScanSegments.delta(shape, start, segment);
          stage.decayAndAdd(shape, workspace, at, sum, block, tile, state);
        }
        stage.storeStates(shape, tile, state, workspace, at, shape.dInner(), block);
      }
    } finally {
      loops.release(tile);
    }
  }

  private void compute(Forward scan, int task, Scratch scratch) {
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
      long state = ScanTile.state(chunk, width, states);
      stage.parameters(shape, scan.inputs(), block, tile);
      if (parts > 1) {
        MemorySegment workspace = CpuStorage.of(scan.workspace());
        long start = scan.workspace().offset();
        long at = ScanSegments.state(shape, start, sequence * parts + segment);
        stage.loadStates(shape, workspace, at, shape.dInner(), block, tile, state);
      } else {
        stage.loadStates(shape, scan.inputs().initialState(), sequence, block, tile, state);
      }
      int first = segment * ScanTile.segmentChunks(shape);
      int last = Math.min(first + ScanTile.segmentChunks(shape), ScanTile.chunks(shape));
      for (int k = first; k < last; k++) {
        computeChunk(scan, sequence, k, block, tile);
      }
      View finalState = scan.finalState();
      if (finalState != null && last == ScanTile.chunks(shape)) {
        long offset = finalState.offset() + (long) sequence * shape.dState() * finalState.stride();
        MemorySegment target = CpuStorage.of(finalState);
        stage.storeStates(shape, tile, state, target, offset, finalState.stride(), block);
      }
    } finally {
      loops.release(tile);
    }
  }

  private void computeChunk(Forward scan, int sequence, int k, int block, MemorySegment tile) {
    Shape shape = scan.shape();
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    View checkpoints = scan.checkpoints();
    if (checkpoints != null) {
      long index = (long) sequence * ScanTile.chunks(shape) + k;
      stage.storeStates(
          shape,
          tile,
          ScanTile.state(chunk, width, shape.dState()),
          CpuStorage.of(checkpoints),
          checkpoints.offset() + index * stateFloats(shape),
          shape.dInner(),
          block);
    }
    long row = ScanStage.row(shape, sequence, k);
    stage.projections(shape, scan.inputs(), row, block, tile);
    loops.forward(tile, shape, scan.inputs(), scan.out(), row, block);
  }
}
