package io.github.mamba4j.cuda;

import static io.github.mamba4j.cuda.SsdPlan.aligned;
import static io.github.mamba4j.cuda.SsdPlan.allChunks;
import static io.github.mamba4j.cuda.SsdPlan.headsPerGroup;
import static io.github.mamba4j.cuda.SsdPlan.optional;
import static io.github.mamba4j.cuda.SsdPlan.tileGrid;
import static io.github.mamba4j.cuda.SsdPlan.tiles;

import io.github.mamba4j.spi.SsdKernels;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The scans of Mamba-2: the launches of {@code ssd.ptx}, {@code ssd_step.ptx} and, with {@link
 * CudaSsdBackward}, {@code ssd_shared.ptx}.
 *
 * <p>A few steps run one after another on states that are read and written once. Longer scans are
 * cut into chunks of 64 steps, which are matrix products from the states that they begin with;
 * these are carried from chunk to chunk in order.
 */
final class CudaSsd implements SsdKernels {
  /** Multiprocessors of a large GPU. */
  private static final int ENOUGH = 132;

  private static final int STEP_CHANNELS = 32;
  private static final int STEP_WARPS = 8;

  private final Launcher launcher;
  private final CudaSsdTensor tensor;
  private final CudaSsdBackward backward;
  private final CudaSsdTensorBackward tensorBackward;

  CudaSsd(Launcher launcher) {
    this(launcher, ENOUGH);
  }

  /**
   * Makes the kernels for a GPU.
   *
   * @param enough blocks that keep it busy: where there are fewer, heads or time are cut. Not what
   *     the GPU at hand has, so that all of them sum in the same order
   */
  CudaSsd(Launcher launcher, int enough) {
    this.launcher = launcher;
    tensor = new CudaSsdTensor(launcher, this, enough);
    backward = new CudaSsdBackward(launcher, this, enough);
    tensorBackward = new CudaSsdTensorBackward(launcher, this, tensor, backward, enough);
  }

  private static Kernel kernel(String name, Inputs in) {
    return SsdPlan.kernel("ssd", name, in);
  }

  @Override
  public long checkpointFloats(Shape shape) {
    return SsdPlan.stateFloats(shape) + SsdPlan.SLACK;
  }

  @Override
  public long forwardWorkspaceFloats(Shape shape) {
    return SsdPlan.stepwise(shape)
        ? 0
        : SsdPlan.vectorFloats(shape)
            + SsdPlan.pairFloats(shape)
            + SsdPlan.stateFloats(shape)
            + SsdPlan.SLACK;
  }

  @Override
  public long backwardWorkspaceFloats(Shape shape) {
    return Math.max(backward.workspaceFloats(shape), tensorBackward.workspaceFloats(shape));
  }

  @Override
  public void forward(Forward scan) {
    if (SsdPlan.stepwise(scan.shape())) {
      step(scan);
      return;
    }
    SsdForm form = SsdForm.of(scan.shape(), scan.inputs(), launcher.sharedBytes());
    if (form == null) {
      chunks(scan);
    } else {
      tensor.forward(scan, form);
    }
  }

  @Override
  public void backward(Backward scan) {
    SsdForm form = SsdForm.of(scan.shape(), scan.inputs(), launcher.sharedBytes());
    if (form == null) {
      backward.run(scan);
    } else {
      tensorBackward.run(scan, form);
    }
  }

  private void step(Forward scan) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    Arguments arguments =
        new Arguments()
            .matrix(scan.out())
            .matrix(in.x())
            .matrix(in.dt())
            .matrix(in.b())
            .matrix(in.c())
            .pointer(in.a())
            .pointer(in.dSkip())
            .pointer(in.dtBias())
            .number(shape.skipPerChannel() ? 1 : 0);
    optional(arguments, in.initialState());
    optional(arguments, scan.finalState());
    View checkpoints = scan.checkpoints();
    arguments
        .pointer(checkpoints == null ? null : aligned(checkpoints))
        .number(shape.length())
        .number(headsPerGroup(shape))
        .number(shape.headDim())
        .number(shape.dInner())
        .number(shape.dState())
        .number(shape.stepMin())
        .number(shape.stepMax());
    int blocks = Math.multiplyExact(shape.batch(), Math.ceilDiv(shape.dInner(), STEP_CHANNELS));
    String name = shape.length() == 1 ? "step_1" : "step_8";
    Kernel kernel = SsdPlan.kernel("ssd_step", name, in);
    launcher.launch(kernel, new Grid(blocks, 1, STEP_CHANNELS, STEP_WARPS), arguments);
  }

  private void chunks(Forward scan) {
    Shape shape = scan.shape();
    Inputs in = scan.inputs();
    View vectors = aligned(scan.workspace());
    View pairs = vectors.plus(SsdPlan.vectorFloats(shape));
    View own = pairs.plus(SsdPlan.pairFloats(shape));
    View states = scan.checkpoints() == null ? own : aligned(scan.checkpoints());
    int byFours = SsdPlan.vectors(shape, in.x(), in.b(), in.c(), scan.out());
    steps(shape, in, vectors);
    pairs(shape, in, pairs, false, byFours);
    states(shape, in, states, new Products(in.b(), in.x(), SsdPlan.INPUT), vectors, byFours);
    carry(shape, in, states, vectors, new Ends(in.initialState(), scan.finalState(), false, false));
    Arguments arguments =
        new Arguments()
            .matrix(scan.out())
            .matrix(in.x())
            .matrix(in.c())
            .pointer(pairs)
            .pointer(states)
            .pointer(vectors)
            .pointer(in.dSkip())
            .number(shape.skipPerChannel() ? 1 : 0);
    sizes(arguments, shape).number(byFours);
    Grid grid = tileGrid(allChunks(shape), shape.heads(), tiles(shape.headDim()));
    launcher.launch(kernel("outputs", in), grid, arguments);
  }

  /** Appends length, chunks, heads, heads a group, channels a head and states. */
  static Arguments sizes(Arguments arguments, Shape shape) {
    return arguments
        .number(shape.length())
        .number(SsdPlan.chunks(shape))
        .number(shape.heads())
        .number(headsPerGroup(shape))
        .number(shape.headDim())
        .number(shape.dState());
  }

  /** Launches the step sizes, their sums and the factors that follow from these. */
  void steps(Shape shape, Inputs in, View vectors) {
    Arguments arguments =
        new Arguments()
            .pointer(vectors)
            .matrix(in.dt())
            .pointer(in.dtBias())
            .pointer(in.a())
            .number(shape.length())
            .number(SsdPlan.chunks(shape))
            .number(shape.heads())
            .number(shape.stepMin())
            .number(shape.stepMax());
    int y = Math.min(Math.ceilDiv(shape.heads(), STEP_WARPS), Grid.MAX_Y);
    Grid grid = new Grid(allChunks(shape), y, STEP_CHANNELS, STEP_WARPS);
    launcher.launch(SsdPlan.kernel("ssd_shared", "step_sizes", in), grid, arguments);
  }

  /** Launches the products of C and B of the pairs of steps of a chunk, or those transposed. */
  void pairs(Shape shape, Inputs in, View pairs, boolean transposed, int byFours) {
    Arguments arguments =
        new Arguments()
            .pointer(pairs)
            .matrix(transposed ? in.b() : in.c())
            .matrix(transposed ? in.c() : in.b())
            .number(shape.length())
            .number(SsdPlan.chunks(shape))
            .number(shape.groups())
            .number(shape.dState())
            .number(transposed ? 2 : 1)
            .number(byFours);
    launcher.launch(
        kernel("chunk_pairs", in), tileGrid(allChunks(shape), shape.groups()), arguments);
  }

  /**
   * What a chunk adds to a state.
   *
   * @param keys B or C
   * @param values x or the result's gradient
   * @param factor where the factors of the steps begin among a chunk's vectors
   */
  record Products(View keys, View values, int factor) {}

  /** Launches what every chunk adds to the state. */
  void states(Shape shape, Inputs in, View states, Products products, View vectors, int byFours) {
    Arguments arguments =
        new Arguments()
            .pointer(states)
            .matrix(products.keys())
            .matrix(products.values())
            .pointer(vectors)
            .number(products.factor());
    sizes(arguments, shape).number(byFours);
    Grid grid =
        tileGrid(allChunks(shape), tiles(shape.dState()), shape.heads(), tiles(shape.headDim()));
    launcher.launch(kernel("chunk_states", in), grid, arguments);
  }

  /**
   * Where a carried state begins and ends.
   *
   * @param first the state to begin with, or null for zeros
   * @param last where the state goes in the end, or null
   * @param add true to add it to what is there
   * @param reverse true to go from the last chunk to the first
   */
  record Ends(@Nullable View first, @Nullable View last, boolean add, boolean reverse) {}

  /**
   * States that are carried.
   *
   * @param states what every piece of time adds, then the state before it, [batch, pieces, dState,
   *     dInner]
   * @param decays where the decay of the first piece of the first block of channels lies
   * @param apart floats from one decay to the next
   * @param pieces pieces of time
   * @param channels channels that have decays in common
   */
  record Carry(View states, View decays, int apart, int pieces, int channels) {}

  /** Launches the carry through all chunks, which leaves the states before them. */
  void carry(Shape shape, Inputs in, View states, View vectors, Ends ends) {
    View decays = vectors.plus(SsdPlan.ENTER + SsdPlan.CHUNK - 1);
    int chunks = SsdPlan.chunks(shape);
    carry(shape, in, new Carry(states, decays, SsdPlan.VECTORS, chunks, shape.headDim()), ends);
  }

  void carry(Shape shape, Inputs in, Carry carry, Ends ends) {
    Arguments arguments =
        new Arguments().pointer(carry.states()).pointer(carry.decays()).number(carry.apart());
    optional(arguments, ends.first());
    optional(arguments, ends.last());
    arguments
        .number(shape.batch())
        .number(carry.pieces())
        .number(carry.channels())
        .number(shape.dInner())
        .number(shape.dState())
        .number(ends.reverse() ? 1 : 0)
        .number(ends.add() ? 1 : 0);
    int blocks = Math.ceilDiv(Math.multiplyExact(shape.dState(), shape.dInner()), Grid.THREADS);
    Grid grid = new Grid(blocks, Math.min(shape.batch(), Grid.MAX_Y), Grid.THREADS, 1);
    launcher.launch(SsdPlan.kernel("ssd_shared", "carry", in), grid, arguments);
  }
}
