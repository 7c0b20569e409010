package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.SsdCut.stateFloats;

import io.github.mamba4j.internal.cpu.DenseProduct.Band;
import io.github.mamba4j.spi.SsdKernels.Forward;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * The forward scan by matrix products, Dao and Gu 2024, section 6. A task is a head of one
 * sequence, which walks from chunk to chunk. With {@code s_l = Σ_{k≤l} Δ_k·a} in a chunk and h the
 * state before it, rows of X, B and C the steps:
 *
 * <pre>{@code
 * Y = diag(exp(s))·C·h + M·X + D·X           M[l,s] = (C_l·B_s)·exp(s_l − s_s)·Δ_s for s ≤ l
 * h ← exp(s_last)·h + Bᵀ·diag(Δ·exp(s_last − s))·X
 * }</pre>
 *
 * <p>No exponent is positive. The sums s are kept in two floats, so that their differences are as
 * exact as those of neighbours.
 *
 * <p>Where there are few heads and many chunks, time is cut into segments, in three phases: every
 * segment takes its inputs to a state from zero; these are joined in order; and every segment runs
 * from the state that it begins with.
 */
final class SsdForward {
  private final WorkerPool pool;
  private final Rows rows;
  private final ScanLoops copies;
  private final SsdLoops loops;
  private final SsdStage stage;
  private final SsdProjections projections;
  private final DenseProducts products;
  private final WorkerPool.Body<Forward> project = this::project;
  private final WorkerPool.Body<Forward> summarise = this::summarise;
  private final WorkerPool.Body<Forward> join = this::join;
  private final WorkerPool.Body<Forward> compute = this::compute;

  SsdForward(WorkerPool pool, Rows rows, ScanLoops copies, SsdLoops loops) {
    this.pool = pool;
    this.rows = rows;
    this.copies = copies;
    this.loops = loops;
    stage = new SsdStage(rows, copies, loops);
    projections = new SsdProjections(copies, loops);
    products = new DenseProducts(loops);
  }

  /** The projections; then the first state of every segment and its sum of Δ·a. */
  static long workspaceFloats(Shape shape) {
    int segments = SsdCut.segments(shape);
    long starts = segments == 1 ? 0 : (long) shape.batch() * segments;
    return SsdProjections.floats(shape) + starts * (stateFloats(shape) + shape.heads());
  }

  void run(Forward scan) {
    Shape shape = scan.shape();
    int lanes = shape.batch() * shape.heads();
    int segments = SsdCut.segments(shape);
    pool.forEach(SsdProjections.tasks(shape), scan, project);
    if (segments > 1) {
      pool.forEach(lanes * (segments - 1), scan, summarise);
      pool.forEach(lanes, scan, join);
    }
    pool.forEach(lanes * segments, scan, compute);
  }

  private void project(Forward scan, int task, Scratch scratch) {
    projections.compute(scan.shape(), scan.inputs(), scan.workspace(), task, scratch);
  }

  private static long segmentState(Forward scan, int sequence, int segment) {
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.segments(shape) + segment;
    return scan.workspace().offset() + SsdProjections.floats(shape) + index * stateFloats(shape);
  }

  private static long segmentSum(Forward scan, int sequence, int segment) {
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.segments(shape) + segment;
    return segmentState(scan, shape.batch(), 0) + index * shape.heads();
  }

  private void summarise(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int parts = SsdCut.segments(shape) - 1;
    int segment = task % parts;
    int head = task / parts % shape.heads();
    int sequence = task / parts / shape.heads();
    MemorySegment tile = begin(shape, scratch);
    stage.stateIn(shape, null, sequence, head, tile, SsdTile.state(shape));
    double sum = 0;
    int first = segment * SsdCut.segmentChunks(shape);
    for (int k = first; k < first + SsdCut.segmentChunks(shape); k++) {
      chunkIn(scan, sequence, k, head, tile);
      advance(scan, sequence, k, head, scratch);
      long last = SsdTile.HIGH + SsdCut.chunk(shape) - 1L;
      sum += CpuStorage.get(tile, last);
    }
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long to = segmentState(scan, sequence, segment + 1);
    stage.stateOut(shape, tile, SsdTile.state(shape), workspace, to, shape.dInner(), head);
    CpuStorage.set(workspace, segmentSum(scan, sequence, segment + 1) + head, (float) sum);
  }

  private void join(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int head = task % shape.heads();
    int sequence = task / shape.heads();
    MemorySegment tile = begin(shape, scratch);
    long state = SsdTile.state(shape);
    long other = SsdTile.otherState(shape);
    int floats = shape.dState() * SsdCut.roundUp(shape.headDim());
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    stage.stateIn(shape, scan.inputs().initialState(), sequence, head, tile, state);
    for (int segment = 0; segment < SsdCut.segments(shape); segment++) {
      long at = segmentState(scan, sequence, segment);
      if (segment > 0) {
        stage.stateIn(shape, workspace, at, shape.dInner(), head, tile, other);
        float sum = CpuStorage.get(workspace, segmentSum(scan, sequence, segment) + head);
        rows.sum(tile, other, ScalarMath.exp2(sum), tile, state, tile, state, floats);
      }
      stage.stateOut(shape, tile, state, workspace, at, shape.dInner(), head);
    }
  }

  private void compute(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int segments = SsdCut.segments(shape);
    int segment = task % segments;
    int head = task / segments % shape.heads();
    int sequence = task / segments / shape.heads();
    MemorySegment tile = begin(shape, scratch);
    long state = SsdTile.state(shape);
    if (segments > 1) {
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      long at = segmentState(scan, sequence, segment);
      stage.stateIn(shape, workspace, at, shape.dInner(), head, tile, state);
    } else {
      stage.stateIn(shape, scan.inputs().initialState(), sequence, head, tile, state);
    }
    int first = segment * SsdCut.segmentChunks(shape);
    int end = Math.min(first + SsdCut.segmentChunks(shape), SsdCut.chunks(shape));
    for (int k = first; k < end; k++) {
      View checkpoints = scan.checkpoints();
      if (checkpoints != null) {
        long index = (long) sequence * SsdCut.chunks(shape) + k;
        long at = checkpoints.offset() + index * stateFloats(shape);
        stage.stateOut(shape, tile, state, CpuStorage.of(checkpoints), at, shape.dInner(), head);
      }
      chunkIn(scan, sequence, k, head, tile);
      output(scan, sequence, k, head, scratch);
      advance(scan, sequence, k, head, scratch);
    }
    View finalState = scan.finalState();
    if (finalState != null && end == SsdCut.chunks(shape)) {
      stage.stateOut(shape, finalState, false, sequence, head, tile, state);
    }
  }

  private MemorySegment begin(Shape shape, Scratch scratch) {
    MemorySegment tile = scratch.floats(SsdTile.forwardFloats(shape));
    copies.clear(tile, SsdTile.ZERO, 4L * SsdCut.LANES);
    // What lies beside the diagonal is written for good.
    int chunk = SsdCut.chunk(shape);
    copies.clear(tile, SsdTile.map(shape), (long) chunk * chunk);
    return tile;
  }

  private void chunkIn(Forward scan, int sequence, int k, int head, MemorySegment tile) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    stage.stepSizes(shape, inputs, sequence, k, head, tile);
    stage.chunkIn(shape, inputs.x(), sequence, k, head, tile, SsdTile.x());
  }

  /** Computes the result of a chunk from the state before it. */
  private void output(Forward scan, int sequence, int k, int head, Scratch scratch) {
    Shape shape = scan.shape();
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    int group = SsdCut.group(shape, head);
    MemorySegment tile = scratch.floats(SsdTile.forwardFloats(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long y = SsdTile.y(shape);
    long c = SsdProjections.c(shape, scan.workspace(), sequence, k, group);
    products.setRows(
        scratch
            .product
            .left(workspace, c, 1, chunk)
            .right(tile, SsdTile.state(shape), width)
            .size(chunk, width, shape.dState())
            .to(y, width, Band.FULL),
        SsdTile.ENTER);
    long pairs = SsdProjections.pairs(shape, scan.workspace(), sequence, k, group);
    long map = SsdTile.map(shape);
    loops.decays(tile, map, chunk);
    loops.mapPairs(tile, map, workspace, pairs, true, chunk);
    products.add(
        scratch
            .product
            .left(tile, map, 1, chunk)
            .right(tile, SsdTile.x(), width)
            .size(chunk, width, chunk)
            .to(y, width, Band.LEFT_LOWER),
        1);
    stage.skip(shape, scan.inputs().dSkip(), head, tile, SsdTile.x(), y);
    stage.chunkOut(shape, scan.out(), false, sequence, k, head, tile, y);
  }

  /** Takes the state from before a chunk to after it. */
  private void advance(Forward scan, int sequence, int k, int head, Scratch scratch) {
    Shape shape = scan.shape();
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    MemorySegment tile = scratch.floats(SsdTile.forwardFloats(shape));
    long scaled = SsdTile.scaled(shape);
    loops.scaleRows(tile, SsdTile.x(), scaled, chunk, width, SsdTile.INPUT);
    int group = SsdCut.group(shape, head);
    long b = SsdProjections.b(shape, scan.workspace(), sequence, k, group);
    products.add(
        scratch
            .product
            .left(CpuStorage.of(scan.workspace()), b, chunk, 1)
            .right(tile, scaled, width)
            .size(shape.dState(), width, chunk)
            .to(SsdTile.state(shape), width, Band.FULL),
        SsdStage.decay(shape, tile));
  }
}
