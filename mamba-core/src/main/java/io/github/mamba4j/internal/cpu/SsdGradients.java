package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.internal.cpu.DenseProduct.Band;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of one chunk. With names as in {@link SsdForward}, h the state before the chunk, G
 * the gradient of the one after it, P[l,s] = C_l·B_s, E[l,s] = exp(s_l − s_s), {@code e_l =
 * exp(s_l)} and {@code w_s = exp(s_last − s_s)}:
 *
 * <pre>{@code
 * dM = dY·Xᵀ                       dP = Σ_heads dM∘E·diag(Δ), below and on the diagonal
 * R  = (P∘E)ᵀ·dY + diag(w)·B·G     dX = diag(Δ)·R + D·dY
 * dC = dP·B  + Σ_heads diag(e)·dY·hᵀ
 * dB = dPᵀ·C + Σ_heads diag(Δ·w)·X·Gᵀ
 * }</pre>
 *
 * <p>Δ has a direct part, {@code x_k·R_k}, and one through the decays {@code δ_k = Δ_k·a}. Of the
 * result and the last state, δ_k scales exactly what passes step k on its way: pairs l ≥ k > s
 * within the chunk, the carried state to the results from k on, the inputs before k to the last
 * state, and the carried state to the last. So with {@code Q = dM∘M},
 *
 * <pre>{@code
 * dδ_k = Σ_{l≥k} Σ_{s<k} Q[l,s] + Σ_{l≥k} e_l·C_l·(h·dY_l) + Σ_{s<k} Δ_s·w_s·B_s·(G·X_s)
 *      + exp(s_last)·⟨G, h⟩
 * }</pre>
 *
 * <p>which only adds what belongs there; the usual form, a sum from the end of the gradients of s,
 * subtracts the pairs that do not pass. The first term is had row by row of s: {@code Σ_{s<k}
 * Q[l,s]} for every l is a vector that grows. Then {@code dΔ_k = x_k·R_k + a·dδ_k} and {@code da =
 * Σ Δ_k·dδ_k}.
 *
 * <p>Everything is computed transposed, [dState, chunk] and [s, l], so that sums over n or s are
 * sums of vectors, and only x and dY of a head have to be transposed.
 */
final class SsdGradients {
  private final Rows rows;
  private final ScanLoops copies;
  private final SsdLoops loops;
  private final SsdStage stage;
  private final DenseProducts products;

  /**
   * In an array because a call that has had many targets is not inlined: with all passes in it a
   * method outgrows the compiler's limits, and its vectors end up in objects.
   */
  private final PairPass[] passes = {
    this::decays, this::pairGrads, this::passing, this::mapPairs, this::sumPassing
  };

  /** A pass over the pairs of steps of a chunk. */
  private interface PairPass {
    void run(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs);
  }

  SsdGradients(Rows rows, ScanLoops copies, SsdLoops loops) {
    this.rows = rows;
    this.copies = copies;
    this.loops = loops;
    stage = new SsdStage(rows, copies, loops);
    products = new DenseProducts(loops);
  }

  private static int skips(Shape shape) {
    return shape.skipPerChannel() ? shape.dInner() : shape.heads();
  }

  /** Sums of a chunk for the gradients of a, of dtBias and of the direct path's weight. */
  private static int parameterFloats(Shape shape) {
    return 2 * shape.heads() + skips(shape);
  }

  private static int chunks(Shape shape) {
    return shape.batch() * SsdCut.chunks(shape);
  }

  private static int blockFloats(Shape shape) {
    return Math.toIntExact(SsdTile.backwardRoom(shape) - SsdTile.pairGrad(shape));
  }

  /** The parameters' sums of every chunk; then those of every block of heads, if there are any. */
  static long floats(Shape shape) {
    int blocks = SsdCut.headBlocks(shape);
    long left = blocks == 1 ? 0 : (long) SsdProjections.tasks(shape) * blocks * blockFloats(shape);
    return (long) chunks(shape) * parameterFloats(shape) + left;
  }

  private static long parameters(Backward scan, int sequence, int k) {
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.chunks(shape) + k;
    return SsdBackward.carried(scan, shape.batch(), 0) + index * parameterFloats(shape);
  }

  private static long block(Backward scan, int task) {
    return parameters(scan, scan.shape().batch(), 0) + (long) task * blockFloats(scan.shape());
  }

  /** Clears the sums over heads. */
  void begin(Shape shape, Scratch scratch) {
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    copies.clear(tile, SsdTile.ZERO, 4L * SsdCut.LANES);
    copies.clear(tile, SsdTile.pairGrad(shape), blockFloats(shape));
    int chunk = SsdCut.chunk(shape);
    copies.clear(tile, SsdTile.map(shape), (long) chunk * chunk);
  }

  /** Computes what belongs to one head, and adds to the sums over heads. */
  void head(Backward scan, int sequence, int k, int head, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    stage.stepSizes(shape, scan.inputs(), sequence, k, head, tile);
    stage.chunkIn(shape, scan.inputs().x(), sequence, k, head, tile, SsdTile.x());
    stage.chunkIn(shape, scan.outGrad(), sequence, k, head, tile, SsdTile.outGrad(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long carried = SsdBackward.carried(scan, sequence, k);
    stage.stateIn(shape, workspace, carried, shape.dInner(), head, tile, SsdTile.state(shape));
    long room = SsdTile.backwardRoom(shape);
    loops.transpose(tile, SsdTile.x(), SsdTile.xTurned(shape), chunk, width, room);
    loops.transpose(tile, SsdTile.outGrad(shape), SsdTile.outGradTurned(shape), chunk, width, room);
    int group = SsdCut.group(shape, head);
    pairs(scan, sequence, k, group, scratch);
    inputs(scan, sequence, k, group, scratch);
    states(scan, sequence, k, head, scratch);
    long passing = parameters(scan, sequence, k);
    CpuStorage.set(workspace, passing + head, decays(scan, sequence, k, head, tile));
    float bias = steps(scan, sequence, k, head, tile);
    CpuStorage.set(workspace, passing + shape.heads() + head, bias);
    skipGrad(scan, passing + 2L * shape.heads(), head, tile);
    Sink x = scan.gradients().x();
    if (x != null) {
      long y = SsdTile.y(shape);
      loops.scaleRows(tile, y, y, chunk, width, SsdTile.DELTA);
      stage.skip(shape, scan.inputs().dSkip(), head, tile, SsdTile.outGrad(shape), y);
      stage.chunkOut(shape, x.view(), x.add(), sequence, k, head, tile, y);
    }
  }

  /** The map within the chunk, the gradients of pairs, and the decays' part of these. */
  private void pairs(Backward scan, int sequence, int k, int group, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    long grad = SsdTile.mapGrad(shape);
    products.set(
        scratch
            .product
            .left(tile, SsdTile.x(), width, 1)
            .right(tile, SsdTile.outGradTurned(shape), chunk)
            .size(chunk, chunk, shape.headDim())
            .to(grad, chunk, Band.OUT_UPPER));
    long pairs = SsdProjections.pairs(shape, scan.workspace(), sequence, k, group);
    for (PairPass pass : passes) {
      pass.run(shape, tile, workspace, pairs);
    }
  }

  private void decays(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs) {
    loops.decays(tile, SsdTile.map(shape), SsdCut.chunk(shape));
  }

  private void pairGrads(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs) {
    long grad = SsdTile.mapGrad(shape);
    long sum = SsdTile.pairGrad(shape);
    loops.pairGrads(tile, SsdTile.map(shape), grad, sum, SsdCut.chunk(shape));
  }

  private void passing(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs) {
    copies.clear(tile, SsdTile.PAIRS, SsdCut.chunk(shape));
    loops.passing(tile, SsdTile.mapGrad(shape), workspace, pairs, SsdCut.chunk(shape));
  }

  private void mapPairs(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs) {
    loops.mapPairs(tile, SsdTile.map(shape), workspace, pairs, false, SsdCut.chunk(shape));
  }

  private void sumPassing(Shape shape, MemorySegment tile, MemorySegment workspace, long pairs) {
    int chunk = SsdCut.chunk(shape);
    for (int s = 0; s < chunk; s++) {
      long row = SsdTile.mapGrad(shape) + (long) s * chunk;
      double passing = 0;
      for (int l = s; l < chunk; l++) {
        passing += CpuStorage.get(tile, row + l);
      }
      CpuStorage.set(tile, SsdTile.DECAY_GRAD + s, (float) passing);
    }
  }

  /** R, the gradient of Δ·x. */
  private void inputs(Backward scan, int sequence, int k, int group, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    long b = SsdProjections.b(shape, scan.workspace(), sequence, k, group);
    products.setRows(
        scratch
            .product
            .left(CpuStorage.of(scan.workspace()), b, 1, chunk)
            .right(tile, SsdTile.state(shape), width)
            .size(chunk, width, shape.dState())
            .to(SsdTile.y(shape), width, Band.FULL),
        SsdTile.LEAVE);
    products.add(
        scratch
            .product
            .left(tile, SsdTile.map(shape), chunk, 1)
            .right(tile, SsdTile.outGrad(shape), width)
            .size(chunk, width, chunk)
            .to(SsdTile.y(shape), width, Band.LEFT_UPPER),
        1);
  }

  /** What the states before and after the chunk add to the gradients of C and B. */
  private void states(Backward scan, int sequence, int k, int head, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    int group = SsdCut.group(shape, head);
    copies.clear(tile, SsdTile.OUT_TERM, SsdTile.DECAY_GRAD - SsdTile.OUT_TERM);
    View checkpoints = scan.checkpoints();
    products.addColumns(
        scratch
            .product
            .left(CpuStorage.of(checkpoints), state(scan, sequence, k, head), shape.dInner(), 1)
            .right(tile, SsdTile.outGradTurned(shape), chunk)
            .size(shape.dState(), chunk, shape.headDim())
            .to(SsdTile.cGrad(shape), chunk, Band.FULL),
        SsdTile.ENTER,
        workspace,
        SsdProjections.c(shape, scan.workspace(), sequence, k, group),
        chunk,
        SsdTile.OUT_TERM);
    products.addColumns(
        scratch
            .product
            .left(tile, SsdTile.state(shape), width, 1)
            .right(tile, SsdTile.xTurned(shape), chunk)
            .size(shape.dState(), chunk, shape.headDim())
            .to(SsdTile.bGrad(shape), chunk, Band.FULL),
        SsdTile.INPUT,
        workspace,
        SsdProjections.b(shape, scan.workspace(), sequence, k, group),
        chunk,
        SsdTile.IN_TERM);
  }

  /** Returns where a head's state before a chunk begins. */
  private static long state(Backward scan, int sequence, int k, int head) {
    Shape shape = scan.shape();
    long index = (long) sequence * SsdCut.chunks(shape) + k;
    return scan.checkpoints().offset()
        + index * SsdCut.stateFloats(shape)
        + (long) head * shape.headDim();
  }

  /** Completes the gradients of the decays and returns their part of the gradient of a. */
  private float decays(Backward scan, int sequence, int k, int head, MemorySegment tile) {
    Shape shape = scan.shape();
    int chunk = SsdCut.chunk(shape);
    int width = SsdCut.roundUp(shape.headDim());
    MemorySegment states = CpuStorage.of(scan.checkpoints());
    long state = state(scan, sequence, k, head);
    double kept = 0;
    for (int n = 0; n < shape.dState(); n++) {
      long grad = SsdTile.state(shape) + (long) n * width;
      kept += rows.dot(tile, grad, states, state + (long) n * shape.dInner(), shape.headDim());
    }
    kept *= SsdStage.decay(shape, tile);
    double outputs = 0;
    for (int t = chunk - 1; t >= 0; t--) {
      float enter = CpuStorage.get(tile, SsdTile.ENTER + t);
      outputs += enter * CpuStorage.get(tile, SsdTile.OUT_TERM + t);
      double pairs = CpuStorage.get(tile, SsdTile.DECAY_GRAD + t);
      CpuStorage.set(tile, SsdTile.DECAY_GRAD + t, (float) (pairs + outputs + kept));
    }
    double inputs = 0;
    double rateGrad = 0;
    for (int t = 0; t < chunk; t++) {
      float grad = (float) (CpuStorage.get(tile, SsdTile.DECAY_GRAD + t) + inputs);
      CpuStorage.set(tile, SsdTile.DECAY_GRAD + t, grad);
      rateGrad += CpuStorage.get(tile, SsdTile.DELTA + t) * grad;
      float input = CpuStorage.get(tile, SsdTile.INPUT + t);
      inputs += input * CpuStorage.get(tile, SsdTile.IN_TERM + t);
    }
    return (float) rateGrad;
  }

  /** Leaves the gradient of dt and returns its sum. */
  private float steps(Backward scan, int sequence, int k, int head, MemorySegment tile) {
    Shape shape = scan.shape();
    int width = SsdCut.roundUp(shape.headDim());
    float rate = SsdCut.rate(scan.inputs(), head);
    Sink sink = scan.gradients().dt();
    long row = SsdStage.row(shape, sequence, k);
    double sum = 0;
    for (int t = 0; t < SsdStage.steps(shape, k); t++) {
      long at = (long) t * width;
      float direct = rows.dot(tile, SsdTile.x() + at, tile, SsdTile.y(shape) + at, shape.headDim());
      float decay = CpuStorage.get(tile, SsdTile.DECAY_GRAD + t);
      float raw = CpuStorage.get(tile, SsdTile.RAW + t);
      float grad = SsdCut.clamped(shape, raw) ? 0 : Math.fma(rate, decay, direct);
      grad *= ScalarMath.sigmoid(raw);
      sum += grad;
      if (sink != null) {
        MemorySegment target = CpuStorage.of(sink.view());
        long to = sink.view().offset() + (row + t) * sink.view().stride() + head;
        CpuStorage.set(target, to, sink.add() ? CpuStorage.get(target, to) + grad : grad);
      }
    }
    return (float) sum;
  }

  /** Leaves a chunk's gradient of the direct path's weight. */
  private void skipGrad(Backward scan, long at, int head, MemorySegment tile) {
    Shape shape = scan.shape();
    if (scan.gradients().dSkip() == null) {
      return;
    }
    int width = SsdCut.roundUp(shape.headDim());
    int chunk = SsdCut.chunk(shape);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    long grad = SsdTile.outGrad(shape);
    if (shape.skipPerChannel()) {
      long to = at + (long) head * shape.headDim();
      rows.fill(0, workspace, to, shape.headDim());
      for (int t = 0; t < chunk; t++) {
        long row = (long) t * width;
        rows.product(
            tile, SsdTile.x() + row, tile, grad + row, workspace, to, shape.headDim(), true);
      }
    } else {
      CpuStorage.set(workspace, at + head, rows.dot(tile, SsdTile.x(), tile, grad, chunk * width));
    }
  }

  /** Leaves the sums over a block of heads. */
  void leave(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    int floats = blockFloats(shape);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    copies.copyOut(
        tile, SsdTile.pairGrad(shape), floats, workspace, block(scan, task), 0, 1, floats);
  }

  /** Adds up what the blocks of heads of a group left. */
  void gather(Backward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    copies.clear(tile, SsdTile.ZERO, 4L * SsdCut.LANES);
    int floats = blockFloats(shape);
    int blocks = SsdCut.headBlocks(shape);
    copies.sumPartials(
        CpuStorage.of(scan.workspace()),
        block(scan, task * blocks),
        floats,
        blocks,
        tile,
        SsdTile.pairGrad(shape),
        floats);
  }

  /** Completes the gradients of B and C of a chunk from the sums over heads. */
  void projections(Backward scan, int sequence, int k, int group, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(SsdTile.backwardFloats(shape));
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    int chunk = SsdCut.chunk(shape);
    long pairGrad = SsdTile.pairGrad(shape);
    for (int s = 0; s < chunk; s++) {
      copies.clear(tile, pairGrad + (long) s * chunk, s);
    }
    if (scan.gradients().c() != null) {
      products.add(
          scratch
              .product
              .left(
                  workspace,
                  SsdProjections.b(shape, scan.workspace(), sequence, k, group),
                  chunk,
                  1)
              .right(tile, pairGrad, chunk)
              .size(shape.dState(), chunk, chunk)
              .to(SsdTile.cGrad(shape), chunk, Band.FULL),
          1);
      store(scan, scan.gradients().c(), sequence, k, group, tile, SsdTile.cGrad(shape));
    }
    if (scan.gradients().b() != null) {
      long turned = SsdTile.mapGrad(shape);
      loops.transpose(tile, pairGrad, turned, chunk, chunk, SsdTile.backwardRoom(shape));
      products.add(
          scratch
              .product
              .left(
                  workspace,
                  SsdProjections.c(shape, scan.workspace(), sequence, k, group),
                  chunk,
                  1)
              .right(tile, turned, chunk)
              .size(shape.dState(), chunk, chunk)
              .to(SsdTile.bGrad(shape), chunk, Band.FULL),
          1);
      store(scan, scan.gradients().b(), sequence, k, group, tile, SsdTile.bGrad(shape));
    }
  }

  /** Transposes a gradient of B or C and brings it to its sink. */
  private void store(
      Backward scan,
      @Nullable Sink sink,
      int sequence,
      int k,
      int group,
      MemorySegment tile,
      long from) {
    if (sink == null) {
      return;
    }
    Shape shape = scan.shape();
    int width = SsdCut.roundUp(shape.dState());
    long to = SsdTile.projectionGrad(shape);
    loops.transpose(tile, from, to, width, SsdCut.chunk(shape), SsdTile.backwardRoom(shape));
    View view = sink.view();
    MemorySegment target = CpuStorage.of(view);
    int steps = SsdStage.steps(shape, k);
    long at =
        view.offset()
            + SsdStage.row(shape, sequence, k) * view.stride()
            + (long) group * shape.dState();
    if (sink.add()) {
      copies.addIn(target, at, view.stride(), tile, to, width, steps, shape.dState());
    }
    copies.copyOut(tile, to, width, target, at, view.stride(), steps, shape.dState());
  }

  /** Adds up the parameters' gradients over all chunks. */
  void fold(Backward scan, Scratch scratch) {
    Shape shape = scan.shape();
    MemorySegment tile = scratch.floats(skips(shape) + (long) shape.heads());
    fold(scan, scan.gradients().a(), 0, shape.heads(), tile);
    fold(scan, scan.gradients().dtBias(), shape.heads(), shape.heads(), tile);
    fold(scan, scan.gradients().dSkip(), 2 * shape.heads(), skips(shape), tile);
  }

  private void fold(Backward scan, @Nullable Sink sink, int at, int n, MemorySegment tile) {
    if (sink == null) {
      return;
    }
    Shape shape = scan.shape();
    long from = parameters(scan, 0, 0) + at;
    copies.sumPartials(
        CpuStorage.of(scan.workspace()), from, parameterFloats(shape), chunks(shape), tile, 0, n);
    View view = sink.view();
    MemorySegment target = CpuStorage.of(view);
    if (sink.add()) {
      copies.addIn(target, view.offset(), 0, tile, 0, n, 1, n);
    }
    copies.copyOut(tile, 0, n, target, view.offset(), 0, 1, n);
  }
}
