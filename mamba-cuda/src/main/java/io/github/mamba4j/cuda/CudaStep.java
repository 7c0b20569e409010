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
 * A token through all blocks: of one sequence the launches of {@code mamba_step.ptx}, of more
 * {@link CudaBatchStep}.
 */
final class CudaStep implements StepKernels {
  private static final int THREADS = 256;
  private static final int WARPS = 8;

  /** Numbers of k that a warp takes at a time. */
  private static final int CHUNK = 32;

  /** Channels of a tile of the input projection, rows of one of the output projection. */
  private static final int TILE = 16;

  private static final int STAGE = 1024;
  private static final int LEAST_STAGES = 2;
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
  private final CudaBatchStep batch;

  CudaStep(GridLauncher launcher) {
    this.launcher = launcher;
    batch = new CudaBatchStep(launcher);
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

    private int ownTiles() {
      return Math.ceilDiv(tilesIn(), blocks);
    }

    /** Returns the shared memory beside the ring, in bytes. */
    int otherBytes() {
      int sums = WARPS * 2 * TILE * Float.BYTES;
      int slices = THREADS * 2 * Float.BYTES;
      int projected = THREADS * Float.BYTES;
      int vector = Math.max(shape.dModel(), shape.dInner()) * Short.BYTES;
      int values = ownTiles() * 2 * TILE * Float.BYTES;
      int streams = Math.ceilDiv(tilesOut(), blocks) * TILE * Float.BYTES;
      return sums + slices + projected + 16 + tableBytes() + vector + values + streams;
    }

    private int tableBytes() {
      return Math.ceilDiv(layers * POINTERS * Long.BYTES, 16) * 16;
    }

    int stages() {
      return Math.min(MOST_STAGES, stagesThatFit());
    }

    private int stagesThatFit() {
      return (mostShared - otherBytes()) / (STAGE * WARPS);
    }

    boolean fits() {
      return stagesThatFit() >= LEAST_STAGES;
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
   * Where things are in the workspace, in bytes; each begins at a multiple of 16. Behind the table
   * all is messages.
   */
  private record Places(long table, long normed, long squares, long shares, long gated, long end) {
    static Places of(Plan plan) {
      Shape shape = plan.shape;
      int pair = MESSAGE / 2;
      long normed = sixteen((long) plan.layers * POINTERS * Long.BYTES);
      long squares = normed + sixteen((long) shape.dModel() * pair);
      long shares = squares + sixteen((long) plan.tilesOut() * MESSAGE);
      long gated = shares + sixteen((long) plan.blocks * plan.projected() * MESSAGE);
      long end = gated + sixteen((long) shape.dInner() * pair);
      return new Places(0, normed, squares, shares, gated, end);
    }

    private static long sixteen(long bytes) {
      return Math.ceilDiv(bytes, 16) * 16;
    }
  }

  @Override
  public long workspaceFloats(Shape shape, int layers) {
    return shape.rows() > 1
        ? CudaBatchStep.workspaceFloats(shape)
        : Places.of(plan(shape, layers)).end() / Float.BYTES;
  }

  @Override
  public void step(Step step) {
    if (step.shape().rows() > 1) {
      batch.step(step);
    } else {
      stepAlone(step);
    }
  }

  private void stepAlone(Step step) {
    Plan plan = plan(step.shape(), step.layers().size());
    PtxSource source = source(plan, step.layers().getFirst().xProj());
    launchTables(step, plan, source);
    int shared = plan.stages() * STAGE * WARPS + plan.otherBytes();
    launcher.launchTogether(
        new Kernel(source, source.family()),
        new Grid(plan.blocks, 1, THREADS, 1).shared(shared),
        arguments(step, Places.of(plan)));
  }

  private void launchTables(Step step, Plan plan, PtxSource source) {
    Places places = Places.of(plan);
    long base = DeviceMemory.address(step.workspace());
    long zeroed = places.end() - places.normed();
    for (int first = 0; first < plan.layers; first += LAYERS_OF_LAUNCH) {
      int count = Math.min(LAYERS_OF_LAUNCH, plan.layers - first);
      ByteBuffer table = ByteBuffer.allocate(TABLE_BYTES).order(ByteOrder.nativeOrder());
      step.layers().subList(first, first + count).forEach(layer -> putPointers(layer, table));
      Arguments arguments =
          new Arguments()
              .wide(base + places.table() + (long) first * POINTERS * Long.BYTES)
              .wide(base + places.normed())
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
    return new PtxSource("mamba_step", form);
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

  private static Arguments arguments(Step step, Places places) {
    long base = DeviceMemory.address(step.workspace());
    return new Arguments()
        .wide(base + places.table())
        .pointer(step.hidden())
        .pointer(step.out())
        .wide(base + places.normed())
        .wide(base + places.squares())
        .wide(base + places.shares())
        .wide(base + places.gated())
        .number(step.layers().size())
        .number(step.shape().dModel())
        .number(step.shape().dInner())
        .number(step.shape().normEps());
  }
}
