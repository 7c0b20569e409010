package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.StepKernels;
import io.github.mamba4j.spi.View;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A token through all blocks: the launches of {@code mamba_step.ptx}, of one sequence, and of
 * {@code mamba_steps.ptx}, of more.
 */
final class CudaStep implements StepKernels {
  private static final int THREADS = 256;
  private static final int WARPS = 8;

  /** Numbers of k that a warp takes at a time. */
  private static final int CHUNK = 32;

  /** Channels of a tile of the input projection, rows of one of the output projection. */
  private static final int TILE = 16;

  /** The most tiles of the input projection that a block computes together. */
  private static final int MOST_TILES = 4;

  /** The most loads of messages that a thread has under way. */
  private static final int MOST_LOADS = 6;

  private static final int GROUP = 8;
  private static final int STAGE = 1024;
  private static final int LEAST_STAGES = 6;

  /** Stages that a warp uses in one go. */
  private static final int BATCH = 6;

  private static final int MOST_STAGES = 24;
  private static final int MOST_STATES = 64;
  private static final int MOST_TAPS = 8;

  /** Bytes of a message between blocks: a number, or two of 16 bits, and what it belongs to. */
  private static final int MESSAGE = 8;

  /** Pointers of a layer, and layers that the launch of a table takes. */
  private static final int POINTERS = 14;

  private static final int LAYERS_OF_LAUNCH = 32;
  private static final int TABLE_BYTES = POINTERS * LAYERS_OF_LAUNCH * Long.BYTES;
  private static final int TABLE_BLOCKS = 8;

  private final GridLauncher launcher;

  CudaStep(GridLauncher launcher) {
    this.launcher = launcher;
  }

  /** Sizes that follow from a step's. */
  private record Plan(Shape shape, int layers, int blocks, int mostShared) {
    int projected() {
      return shape.dtRank() + 2 * shape.dState();
    }

    int tilesIn() {
      return shape.dInner() / TILE;
    }

    int tilesOut() {
      return shape.dModel() / TILE;
    }

    boolean isAlone() {
      return shape.rows() == 1;
    }

    /** Returns the groups of eight sequences that the kernel is made for, a power of two. */
    int groups() {
      return groups(shape.rows());
    }

    private static int groups(int rows) {
      return Integer.highestOneBit(2 * Math.ceilDiv(rows, GROUP) - 1);
    }

    private int ownTiles() {
      return Math.ceilDiv(tilesIn(), blocks);
    }

    /** Returns the shared memory beside the ring, in bytes. */
    int otherBytes() {
      return isAlone() ? otherBytesAlone() : otherBytes(groups());
    }

    private int ownTilesOut() {
      return Math.ceilDiv(tilesOut(), blocks);
    }

    /** Returns the tiles of the input projection that a block computes together. */
    int tilesTogether() {
      return Math.min(MOST_TILES, ownTiles());
    }

    /** Returns the tiles of the output projection that a block computes together. */
    int tilesOutTogether() {
      return Math.min(WARPS, ownTilesOut());
    }

    /** Returns the bytes of the warps' shares of tiles that are computed together. */
    int sumBytesAlone() {
      int tiles = Math.max(2 * tilesTogether(), tilesOutTogether());
      return WARPS * tiles * TILE * Float.BYTES;
    }

    /** Returns whether a warp uses more of its ring in a product than may be asked for after it. */
    boolean isLongIn() {
      return isLong(2 * Math.ceilDiv(shape.dModel() / CHUNK, WARPS) * ownTiles());
    }

    boolean isLongOut() {
      return isLong(Math.ceilDiv(shape.dInner() / CHUNK, WARPS) * ownTilesOut());
    }

    private boolean isLong(int used) {
      return used > 2 * BATCH || stages() < 4 * BATCH;
    }

    /** Returns the loads of two messages each that a thread needs for a product's numbers. */
    int normedLoads() {
      return loads(shape.dModel() / 4 + tilesOut() / 2);
    }

    int gatedLoads() {
      return loads(shape.dInner() / 4);
    }

    private static int loads(int units) {
      return Math.min(MOST_LOADS, Math.ceilDiv(units, THREADS));
    }

    private int otherBytesAlone() {
      int projected = THREADS * Float.BYTES;
      int normed = shape.dModel() * Short.BYTES + tilesOut() * Float.BYTES;
      int vector = Math.ceilDiv(Math.max(normed, shape.dInner() * Short.BYTES), 16) * 16;
      int values = ownTiles() * 2 * TILE * Float.BYTES;
      int streams = ownTilesOut() * TILE * Float.BYTES;
      return sumBytesAlone() + projected + 16 + tableBytes() + vector + values + streams;
    }

    private int otherBytes(int groups) {
      int rows = groups * GROUP;
      int sums = WARPS * rows * TILE * Float.BYTES;
      int values = ownTiles() * rows * 2 * TILE * Float.BYTES;
      return sums + rows * (1 + projected()) * Float.BYTES + tableBytes() + values;
    }

    private int tableBytes() {
      return Math.ceilDiv(layers * POINTERS * Long.BYTES, 16) * 16;
    }

    int stages() {
      return Math.min(MOST_STAGES, stagesBeside(otherBytes()));
    }

    private int stagesBeside(int bytes) {
      return (mostShared - bytes) / (STAGE * WARPS);
    }

    /** Returns whether there is room for any number of sequences. */
    boolean fits() {
      return stagesBeside(otherBytesAlone()) >= LEAST_STAGES
          && stagesBeside(otherBytes(groups(MOST_ROWS))) >= LEAST_STAGES;
    }
  }

  private Plan plan(Shape shape, int layers) {
    int tiles = (shape.dInner() + shape.dModel()) / TILE;
    int blocks = Math.clamp(tiles, 1, launcher.multiprocessors());
    return new Plan(shape, layers, blocks, launcher.sharedBytes());
  }

  @Override
  public boolean takes(Shape shape, List<Layer> layers) {
    Plan plan = plan(shape, layers.size());
    return shape.dModel() % CHUNK == 0
        && shape.dInner() % CHUNK == 0
        && shape.dState() % 4 == 0
        && shape.dState() <= MOST_STATES
        && shape.dtRank() % 4 == 0
        && plan.projected() <= THREADS
        && shape.dConv() <= MOST_TAPS
        && shape.discretization() == Discretization.EULER
        && plan.fits()
        && layers.stream().allMatch(layer -> takes(shape, layer, layers.getFirst()));
  }

  private static boolean takes(Shape shape, Layer layer, Layer first) {
    int inner = shape.dInner();
    DType small = layer.xProj().type();
    return (small == DType.F32 || small == DType.BF16)
        && small == first.xProj().type()
        && isMatrix(layer.inProj(), DType.BF16, shape.dModel())
        && isMatrix(layer.outProj(), DType.BF16, inner)
        && isMatrix(layer.xProj(), small, inner)
        && isMatrix(layer.dtProj(), small, shape.dtRank())
        && Stream.of(layer.taps(), layer.a(), layer.ssmState())
            .allMatch(view -> isMatrix(view, DType.F32, inner))
        && (layer.convState() == null || isMatrix(layer.convState(), DType.F32, inner))
        && Stream.of(layer.norm(), layer.dtBias(), layer.dSkip())
            .allMatch(view -> view.type() == DType.F32)
        && isOptional(layer.inBias())
        && isOptional(layer.convBias())
        && isOptional(layer.outBias());
  }

  /**
   * Returns whether rows follow each other without a gap, in groups of four that loads can take.
   */
  private static boolean isMatrix(View view, DType type, int cols) {
    return view.type() == type
        && view.stride() == cols
        && DeviceMemory.address(view) % type.bytes(type == DType.BF16 ? 8 : 4) == 0;
  }

  private static boolean isOptional(@Nullable View view) {
    return view == null || view.type() == DType.F32;
  }

  /**
   * Where things are in the workspace, in bytes; each begins at a multiple of 16. What is zeroed
   * first lies between counter and residual, or, for one sequence, is all messages.
   */
  private record Places(
      long table,
      long counter,
      long normed,
      long squares,
      long shares,
      long folded,
      long gated,
      long residual,
      long end) {
    static Places of(Plan plan) {
      Shape shape = plan.shape;
      long rows = shape.rows();
      long half = plan.isAlone() ? MESSAGE / 2 : Short.BYTES;
      long whole = plan.isAlone() ? MESSAGE : Float.BYTES;
      long counter = sixteen((long) plan.layers * POINTERS * Long.BYTES);
      long normed = counter + 16;
      long squares = normed + sixteen(rows * shape.dModel() * half);
      long shares = squares + sixteen(rows * plan.tilesOut() * whole);
      long folded = shares + sixteen(rows * plan.blocks * plan.projected() * whole);
      long gated = folded + sixteen(rows * plan.projected() * whole);
      long residual = gated + sixteen(rows * shape.dInner() * half);
      long end = residual + sixteen(rows * shape.dModel() * Float.BYTES);
      return new Places(0, counter, normed, squares, shares, folded, gated, residual, end);
    }

    private static long sixteen(long bytes) {
      return Math.ceilDiv(bytes, 16) * 16;
    }
  }

  @Override
  public long workspaceFloats(Shape shape, int layers) {
    return Places.of(plan(shape, layers)).end() / Float.BYTES;
  }

  @Override
  public void step(Step step) {
    Plan plan = plan(step.shape(), step.layers().size());
    Places places = Places.of(plan);
    long base = DeviceMemory.address(step.workspace());
    PtxSource source = source(plan, step.layers().getFirst().xProj());
    launchTables(step, plan, source);
    int shared = plan.stages() * STAGE * WARPS + plan.otherBytes();
    launcher.launchTogether(
        new Kernel(source, source.family()),
        new Grid(plan.blocks, 1, THREADS, 1).shared(shared),
        plan.isAlone() ? argumentsAlone(step, places, base) : arguments(step, places, base));
  }

  private void launchTables(Step step, Plan plan, PtxSource source) {
    Places places = Places.of(plan);
    long base = DeviceMemory.address(step.workspace());
    long zeroed = (plan.isAlone() ? places.residual() : places.normed()) - places.counter();
    for (int first = 0; first < plan.layers; first += LAYERS_OF_LAUNCH) {
      int count = Math.min(LAYERS_OF_LAUNCH, plan.layers - first);
      ByteBuffer table = ByteBuffer.allocate(TABLE_BYTES).order(ByteOrder.nativeOrder());
      step.layers().subList(first, first + count).forEach(layer -> putPointers(layer, table));
      Arguments arguments =
          new Arguments()
              .wide(base + places.table() + (long) first * POINTERS * Long.BYTES)
              .wide(base + places.counter())
              .wide(first == 0 ? zeroed : 0)
              .number(count * POINTERS)
              .table(table.flip(), TABLE_BYTES);
      Grid grid = new Grid(TABLE_BLOCKS, 1, THREADS, 1);
      launcher.launch(new Kernel(source, "step_table"), grid, arguments);
    }
  }

  private static PtxSource source(Plan plan, View small) {
    Map<String, String> form = new HashMap<>();
    form.put("STATES", String.valueOf(plan.shape.dState()));
    form.put("RANK", String.valueOf(plan.shape.dtRank()));
    form.put("TAPS", String.valueOf(plan.shape.dConv()));
    form.put("SMALL", Vectors.type(small));
    form.put("STAGES", String.valueOf(plan.stages()));
    if (plan.isAlone()) {
      form.put("TILES", String.valueOf(plan.tilesTogether()));
      form.put("OUT_TILES", String.valueOf(plan.tilesOutTogether()));
      form.put("NORMED_LOADS", String.valueOf(plan.normedLoads()));
      form.put("GATED_LOADS", String.valueOf(plan.gatedLoads()));
      form.put("LONG_IN", plan.isLongIn() ? "1" : "0");
      form.put("LONG_OUT", plan.isLongOut() ? "1" : "0");
      form.put("SUMS", String.valueOf(plan.sumBytesAlone()));
      return new PtxSource("mamba_step", form);
    }
    form.put("R", String.valueOf(plan.groups()));
    return new PtxSource("mamba_steps", form);
  }

  private static void putPointers(Layer layer, ByteBuffer table) {
    put(table, layer.norm());
    put(table, layer.inProj());
    put(table, layer.inBias());
    put(table, layer.taps());
    put(table, layer.convBias());
    put(table, layer.xProj());
    put(table, layer.dtProj());
    put(table, layer.dtBias());
    put(table, layer.a());
    put(table, layer.dSkip());
    put(table, layer.outProj());
    put(table, layer.outBias());
    put(table, layer.convState());
    put(table, layer.ssmState());
  }

  private static void put(ByteBuffer table, @Nullable View view) {
    table.putLong(view == null ? 0 : DeviceMemory.address(view));
  }

  private static Arguments argumentsAlone(Step step, Places places, long base) {
    Arguments arguments =
        new Arguments()
            .wide(base + places.table())
            .pointer(step.hidden())
            .pointer(step.out())
            .wide(base + places.normed())
            .wide(base + places.squares())
            .wide(base + places.shares())
            .wide(base + places.folded())
            .wide(base + places.gated());
    return addSizes(arguments, step);
  }

  private static Arguments arguments(Step step, Places places, long base) {
    Arguments arguments =
        new Arguments()
            .wide(base + places.table())
            .wide(base + places.counter())
            .matrix(step.hidden())
            .matrix(step.out())
            .wide(base + places.residual())
            .wide(base + places.normed())
            .wide(base + places.squares())
            .wide(base + places.shares())
            .wide(base + places.folded())
            .wide(base + places.gated())
            .number(step.shape().rows());
    return addSizes(arguments, step);
  }

  private static Arguments addSizes(Arguments arguments, Step step) {
    return arguments
        .number(step.layers().size())
        .number(step.shape().dModel())
        .number(step.shape().dInner())
        .number(step.shape().normEps());
  }
}
