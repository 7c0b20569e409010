package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.SsdPlan.adds;
import static io.github.mamba4j.cuda.SsdPlan.aligned;
import static io.github.mamba4j.cuda.SsdPlan.allChunks;
import static io.github.mamba4j.cuda.SsdPlan.headsPerGroup;
import static io.github.mamba4j.cuda.SsdPlan.optional;
import static io.github.mamba4j.cuda.SsdPlan.tileGrid;
import static io.github.mamba4j.cuda.SsdPlan.tiles;
import static io.github.mamba4j.cuda.SsdPlan.viewOf;

import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.SsdKernels.Backward;
import io.github.mamba4j.spi.SsdKernels.Gradients;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of Mamba-2's scan: the launches of {@code ssd_backward.ptx}, which has the
 * equations.
 */
final class CudaSsdBackward {
  /** Blocks that a multiprocessor runs at once. */
  private static final int AT_ONCE = 2;

  private static final int PART = 32;
  private static final int STEP_LANES = 32;
  private static final int STEP_WARPS = 8;
  private static final int FOLD_PARTS = 4;

  private final Launcher launcher;
  private final CudaSsd forward;
  private final int enough;

  CudaSsdBackward(Launcher launcher, CudaSsd forward, int enough) {
    this.launcher = launcher;
    this.forward = forward;
    this.enough = enough;
  }

  /**
   * Where the parts of a step's terms lie that are left for the gradients of dt and of the
   * parameters.
   *
   * @param vectors a chunk's vectors
   * @param direct x·R
   * @param passing what the sum over the pairs that pass a step gains, doubles
   * @param outTerms C·(h·dY)
   * @param inTerms B·(G·x)
   * @param kept ⟨G, h⟩
   * @param parameterGrads room for every chunk's gradients of a and of dt's bias
   * @param skipGrads every chunk's gradients of the direct path's weights
   */
  record Terms(
      View vectors,
      View direct,
      View passing,
      View outTerms,
      View inTerms,
      View kept,
      View parameterGrads,
      View skipGrads) {}

  /**
   * In how many parts.
   *
   * @param direct those of x·R
   * @param passing those of the pairs
   * @param terms those of the terms of B and C
   * @param kept those of ⟨G, h⟩
   */
  record Parts(int direct, int passing, int terms, int kept) {}

  private static Kernel kernel(String name, Inputs inputs) {
    return SsdPlan.kernel("ssd_backward", name, inputs);
  }

  /** Returns the blocks that the heads of a group are cut into. */
  private int headBlocks(Shape shape) {
    long tasks = (long) allChunks(shape) * shape.groups();
    return (int) Math.min(headsPerGroup(shape), Math.ceilDiv((long) AT_ONCE * enough, tasks));
  }

  /**
   * Where what one kernel leaves for another lies, in floats from the workspace's first multiple of
   * 16 bytes on.
   */
  private record Rooms(
      long vectors,
      long pairs,
      long states,
      long direct,
      long passing,
      long outTerms,
      long inTerms,
      long kept,
      long parameterGrads,
      long skipGrads,
      long pairGrads,
      long partials,
      long end) {
    static Rooms of(Shape shape, int blocks) {
      long chunks = allChunks(shape);
      long numbers = chunks * shape.heads();
      long steps = numbers * SsdPlan.CHUNK;
      long groups = chunks * shape.groups() * blocks;
      long pairs = SsdPlan.vectorFloats(shape);
      long pairGrads = pairs + SsdPlan.pairFloats(shape);
      long partials = pairGrads + groups * SsdPlan.PAIRS;
      long passing = partials + (blocks == 1 ? 0 : groups * tiles(shape.dState()) * SsdPlan.PAIRS);
      long direct = passing + 2 * steps;
      long outTerms = direct + steps * Math.ceilDiv(shape.headDim(), PART);
      long inTerms = outTerms + steps * Math.ceilDiv(shape.dState(), PART);
      // What follows may begin anywhere, what came before is multiples of four floats.
      long states = inTerms + steps * Math.ceilDiv(shape.dState(), PART);
      long kept = states + SsdPlan.stateFloats(shape);
      long parameterGrads = kept + numbers * tiles(shape.dState());
      long skipGrads = parameterGrads + 2 * numbers;
      long end = skipGrads + chunks * shape.dInner();
      return new Rooms(
          0,
          pairs,
          states,
          direct,
          passing,
          outTerms,
          inTerms,
          kept,
          parameterGrads,
          skipGrads,
          pairGrads,
          partials,
          end);
    }
  }

  long workspaceFloats(Shape shape) {
    return Rooms.of(shape, headBlocks(shape)).end() + SsdPlan.SLACK;
  }

  void run(Backward scan) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Gradients grads = scan.gradients();
    Rooms rooms = Rooms.of(shape, headBlocks(shape));
    View workspace = aligned(scan.workspace());
    View vectors = workspace.plus(rooms.vectors());
    View states = workspace.plus(rooms.states());
    View outGrad = scan.outGrad();
    int byFours =
        SsdPlan.vectors(
            shape,
            in.x(),
            in.b(),
            in.c(),
            outGrad,
            viewOf(grads.x()),
            viewOf(grads.b()),
            viewOf(grads.c()));
    forward.steps(shape, in, vectors);
    forward.pairs(shape, in, workspace.plus(rooms.pairs()), true, byFours);
    CudaSsd.Products products = new CudaSsd.Products(in.c(), outGrad, SsdPlan.ENTER);
    forward.states(shape, in, states, products, vectors, byFours);
    Sink initial = grads.initialState();
    CudaSsd.Ends ends =
        new CudaSsd.Ends(scan.finalStateGrad(), viewOf(initial), adds(initial) == 1, true);
    forward.carry(shape, in, states, vectors, ends);
    inputsGrad(scan, workspace, rooms, byFours);
    pairGrads(scan, workspace, rooms, byFours);
    projectionGrads(scan, workspace, rooms, true, byFours);
    projectionGrads(scan, workspace, rooms, false, byFours);
    Terms terms =
        new Terms(
            vectors,
            workspace.plus(rooms.direct()),
            workspace.plus(rooms.passing()),
            workspace.plus(rooms.outTerms()),
            workspace.plus(rooms.inTerms()),
            workspace.plus(rooms.kept()),
            workspace.plus(rooms.parameterGrads()),
            workspace.plus(rooms.skipGrads()));
    int parts = Math.ceilDiv(shape.dState(), PART);
    int directParts = Math.ceilDiv(shape.headDim(), PART);
    stepGrads(scan, terms, new Parts(directParts, 1, parts, tiles(shape.dState())));
  }

  private void inputsGrad(Backward scan, View workspace, Rooms rooms, int byFours) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Sink sink = scan.gradients().x();
    Arguments arguments = optional(new Arguments(), viewOf(sink)).number(adds(sink));
    arguments
        .matrix(in.x())
        .matrix(in.b())
        .matrix(scan.outGrad())
        .pointer(workspace.plus(rooms.pairs()))
        .pointer(workspace.plus(rooms.states()))
        .pointer(workspace.plus(rooms.vectors()))
        .pointer(in.dSkip())
        .number(shape.skipPerChannel() ? 1 : 0)
        .pointer(workspace.plus(rooms.direct()))
        .pointer(workspace.plus(rooms.skipGrads()));
    CudaSsd.sizes(arguments, shape).number(byFours);
    Grid grid = tileGrid(allChunks(shape), shape.heads(), tiles(shape.headDim()));
    launcher.launch(kernel("inputs_grad", in), grid, arguments);
  }

  private void pairGrads(Backward scan, View workspace, Rooms rooms, int byFours) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    int blocks = headBlocks(shape);
    Arguments arguments =
        new Arguments()
            .pointer(workspace.plus(rooms.pairGrads()))
            .pointer(workspace.plus(rooms.passing()))
            .matrix(in.x())
            .matrix(scan.outGrad())
            .pointer(workspace.plus(rooms.pairs()))
            .pointer(workspace.plus(rooms.vectors()))
            .number(shape.length())
            .number(SsdPlan.chunks(shape))
            .number(shape.heads())
            .number(headsPerGroup(shape))
            .number(shape.headDim())
            .number(blocks)
            .number(byFours);
    Grid grid = tileGrid(allChunks(shape), shape.groups(), blocks);
    launcher.launch(kernel("chunk_pair_grads", in), grid, arguments);
  }

  /** The gradient of C, or that of B. */
  private void projectionGrads(
      Backward scan, View workspace, Rooms rooms, boolean ofC, int byFours) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    int blocks = headBlocks(shape);
    View before = aligned(scan.checkpoints());
    View partials = workspace.plus(rooms.partials());
    Sink sink = ofC ? scan.gradients().c() : scan.gradients().b();
    Arguments arguments = optional(new Arguments(), viewOf(sink)).number(adds(sink));
    arguments
        .pointer(partials)
        .matrix(ofC ? scan.outGrad() : in.x())
        .matrix(ofC ? in.c() : in.b())
        .matrix(ofC ? in.b() : in.c())
        .pointer(ofC ? before : workspace.plus(rooms.states()))
        .pointer(before)
        .pointer(workspace.plus(rooms.pairGrads()))
        .pointer(workspace.plus(rooms.vectors()))
        .pointer(workspace.plus(ofC ? rooms.outTerms() : rooms.inTerms()))
        .pointer(workspace.plus(rooms.kept()));
    CudaSsd.sizes(arguments, shape).number(blocks).number(byFours);
    Grid grid = tileGrid(allChunks(shape), shape.groups(), tiles(shape.dState()), blocks);
    String name = ofC ? "projection_grads_c" : "projection_grads_b";
    launcher.launch(kernel(name, in), grid, arguments);
    foldProjection(shape, in, partials, blocks, sink);
  }

  /**
   * Launches the sum of what blocks of heads leave of a gradient of B or C, if there are several.
   */
  void foldProjection(Shape shape, Inputs in, View partials, int blocks, @Nullable Sink sink) {
    if (blocks == 1 || sink == null) {
      return;
    }
    Arguments arguments =
        new Arguments()
            .matrix(sink)
            .number(adds(sink))
            .pointer(partials)
            .number(shape.length())
            .number(SsdPlan.chunks(shape))
            .number(shape.groups())
            .number(shape.dState())
            .number(blocks);
    int tiles = Math.multiplyExact(allChunks(shape) * shape.groups(), tiles(shape.dState()));
    Grid grid = new Grid(tiles, FOLD_PARTS, Grid.THREADS, 1);
    launcher.launch(SsdPlan.kernel("ssd_shared", "fold_projection_grads", in), grid, arguments);
  }

  /** Launches the gradients of dt and of the parameters, from the terms of the steps. */
  void stepGrads(Backward scan, Terms terms, Parts parts) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Sink sink = scan.gradients().dt();
    Arguments arguments = optional(new Arguments(), viewOf(sink)).number(adds(sink));
    arguments
        .matrix(in.dt())
        .pointer(in.dtBias())
        .pointer(in.a())
        .pointer(terms.vectors())
        .pointer(terms.direct())
        .number(parts.direct())
        .pointer(terms.passing())
        .number(parts.passing())
        .pointer(terms.outTerms())
        .pointer(terms.inTerms())
        .number(parts.terms())
        .pointer(terms.kept())
        .number(parts.kept())
        .pointer(terms.parameterGrads())
        .number(shape.length())
        .number(SsdPlan.chunks(shape))
        .number(shape.heads())
        .number(shape.stepMin())
        .number(shape.stepMax());
    int y = Math.min(Math.ceilDiv(shape.heads(), STEP_WARPS), Grid.MAX_Y);
    Grid grid = new Grid(allChunks(shape), y, STEP_LANES, STEP_WARPS);
    launcher.launch(SsdPlan.kernel("ssd_shared", "decay_grads", in), grid, arguments);
    parameters(shape, in, scan.gradients(), terms);
  }

  /** Launches the sums of what all chunks leave for the parameters. */
  private void parameters(Shape shape, Inputs in, Gradients grads, Terms terms) {
    boolean perChannel = shape.skipPerChannel();
    int skips = perChannel ? shape.dInner() : shape.heads();
    Arguments arguments = new Arguments();
    for (Sink sink : new @Nullable Sink[] {grads.a(), grads.dtBias(), grads.dSkip()}) {
      arguments.pointer(viewOf(sink)).number(adds(sink));
    }
    arguments
        .pointer(terms.parameterGrads())
        .pointer(terms.skipGrads())
        .number(allChunks(shape))
        .number(shape.heads())
        .number(skips)
        .number(perChannel ? 1 : shape.headDim());
    Grid grid = new Grid(2 * shape.heads() + skips, 1, Grid.THREADS, 1);
    launcher.launch(SsdPlan.kernel("ssd_shared", "fold_parameters", in), grid, arguments);
  }
}
