package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.SsdCut.stateFloats;

import io.github.mamba4j.internal.cpu.DenseProduct.Band;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * The gradients of the scan by matrix products. Three phases: what the heads of a group share is
 * computed as in the forward scan; the gradient of the state is carried from the last chunk to the
 * first, a task a head, and left in the workspace for every chunk; then all chunks are independent.
 * A task of these is a chunk and a group, whose heads it visits in order, so that the gradients of
 * B and C are summed where they are made ({@link SsdGradients} has the equations); where that would
 * be few tasks, the heads are cut into blocks, and their sums added in order.
 *
 * <p>The carry, with h the state before a chunk, G the gradient of the one after it and names as in
 * {@link SsdForward}: {@code G ← exp(s_last)·G + Cᵀ·diag(exp(s))·dY}.
 */
final class SsdBackward {
  private final WorkerPool pool;
  private final ScanLoops copies;
  private final SsdLoops loops;
  private final SsdStage stage;
  private final SsdProjections projections;
  private final DenseProducts products;
  private final SsdGradients gradients;
  private final WorkerPool.Body<Backward> project = this::project;
  private final WorkerPool.Body<Backward> carry = this::carry;
  private final WorkerPool.Body<Backward> compute = this::compute;
  private final WorkerPool.Body<Backward> finish = this::finish;
  private final WorkerPool.Body<Backward> fold = this::fold;

  SsdBackward(WorkerPool pool, Rows rows, ScanLoops copies, SsdLoops loops) {
    this.pool = pool;
    this.copies = copies;
    this.loops = loops;
    stage = new SsdStage(rows, copies, loops);
    projections = new SsdProjections(copies, loops);
    products = new DenseProducts(loops);
    gradients = new SsdGradients(rows, copies, loops);
  }

  static long workspaceFloats(Shape shape) {
    return SsdProjections.floats(shape)
        + (long) shape.batch() * SsdCut.chunks(shape) * stateFloats(shape)
        + SsdGradients.floats(shape);
  }

  /** Returns where the gradient of the state after a chunk lies. */
  static long carried(Backward scan, int sequence, int k) {
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.chunks(shape) + k;
    return scan.workspace().offset() + SsdProjections.floats(shape) + index * stateFloats(shape);
  }

  void run(Backward scan) {
    Shape shape = scan.shape();
    pool.forEach(SsdProjections.tasks(shape), scan, project);
    pool.forEach(shape.batch() * shape.heads(), scan, carry);
    int blocks = SsdCut.headBlocks(shape);
    pool.forEach(SsdProjections.tasks(shape) * blocks, scan, compute);
    if (blocks > 1) {
      pool.forEach(SsdProjections.tasks(shape), scan, finish);
    }
    pool.forEach(1, scan, fold);
  }

  private void project(Backward scan, int task, Scratch scratch) {
    projections.compute(scan.shape(), scan.inputs(), scan.workspace(), task, scratch);
  }

  private void carry(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int head = task % shape.heads();
    int sequence = task / shape.heads();
    MemorySegment tile = scratch.floats(SsdTile.forwardFloats(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    copies.clear(tile, SsdTile.ZERO, 4L * SsdCut.LANES);
    long state = SsdTile.state(shape);
    stage.stateIn(shape, scan.finalStateGrad(), sequence, head, tile, state);
    Sink initial = scan.gradients().initialState();
    for (int k = SsdCut.chunks(shape) - 1; k >= 0; k--) {
      long to = carried(scan, sequence, k);
      stage.stateOut(shape, tile, state, workspace, to, shape.dInner(), head);
      if (k > 0 || initial != null) {
        carryChunk(scan, sequence, k, head, scratch);
      }
    }
    if (initial != null) {
      stage.stateOut(shape, initial.view(), initial.add(), sequence, head, tile, state);
    }
  }

  private void carryChunk(Backward scan, int sequence, int k, int head, Scratch scratch) {
    Shape shape = scan.shape();
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    MemorySegment tile = scratch.floats(SsdTile.forwardFloats(shape));
    stage.stepSizes(shape, scan.inputs(), sequence, k, head, tile);
    stage.chunkIn(shape, scan.outGrad(), sequence, k, head, tile, SsdTile.x());
    loops.scaleRows(tile, SsdTile.x(), SsdTile.scaled(shape), chunk, width, SsdTile.ENTER);
    View workspace = scan.workspace();
    int group = SsdCut.group(shape, head);
    long c = SsdProjections.c(shape, workspace, sequence, k, group);
    products.add(
        scratch
            .product
            .left(CpuStorage.of(workspace), c, chunk, 1)
            .right(tile, SsdTile.scaled(shape), width)
            .size(shape.dState(), width, chunk)
            .to(SsdTile.state(shape), width, Band.FULL),
        SsdStage.decay(shape, tile));
  }

  private void compute(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int blocks = SsdCut.headBlocks(shape);
    int block = task % blocks;
    int group = task / blocks % shape.groups();
    int k = task / blocks / shape.groups() % SsdCut.chunks(shape);
    int sequence = task / blocks / shape.groups() / SsdCut.chunks(shape);
    int heads = shape.heads() / shape.groups();
    int first = group * heads + SsdCut.firstHead(shape, block);
    int end = group * heads + SsdCut.firstHead(shape, block + 1);
    gradients.begin(shape, scratch);
    for (int head = first; head < end; head++) {
      gradients.head(scan, sequence, k, head, scratch);
    }
    if (blocks == 1) {
      gradients.projections(scan, sequence, k, group, scratch);
    } else {
      gradients.leave(scan, task, scratch);
    }
  }

  private void finish(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int group = task % shape.groups();
    int k = task / shape.groups() % SsdCut.chunks(shape);
    int sequence = task / shape.groups() / SsdCut.chunks(shape);
    gradients.gather(scan, task, scratch);
    gradients.projections(scan, sequence, k, group, scratch);
  }

  private void fold(Backward scan, int task, Scratch scratch) {
    gradients.fold(scan, scratch);
  }
}
