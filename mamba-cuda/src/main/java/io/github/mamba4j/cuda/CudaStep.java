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
  /** Sizes are multiples of so many. */
  private static final int CHUNK = 32;

  private static final int MOST_STATES = 64;
  private static final int MOST_TAPS = 8;

  /** The least compute capability, times ten, of GPUs with an engine that copies. */
  private static final int COPIES = 90;

  /** Layers that the launch of a table takes. */
  private static final int LAYERS_OF_LAUNCH = 32;

  private static final int TABLE_BYTES = StepPlan.POINTERS * LAYERS_OF_LAUNCH * Long.BYTES;
  private static final int TABLE_BLOCKS = 8;

  private final GridLauncher launcher;
  private final CudaBatchStep batch;

  CudaStep(GridLauncher launcher) {
    this.launcher = launcher;
    batch = new CudaBatchStep(launcher);
  }

  private StepPlan plan(Shape shape, int layers, DType small) {
    int tiles = (shape.dInner() + shape.dModel()) / StepPlan.MOST_CHANNELS;
    int blocks = Math.clamp(tiles, 1, launcher.multiprocessors());
    boolean copies = launcher.capability() >= COPIES;
    int smallBytes = (int) small.bytes(1);
    return new StepPlan(shape, layers, smallBytes, blocks, launcher.sharedBytes(), copies);
  }

  @Override
  public boolean takes(Shape shape, List<Layer> layers) {
    StepPlan plan = plan(shape, layers.size(), layers.getFirst().xProj().type());
    return shape.dModel() % CHUNK == 0
        && shape.dInner() % CHUNK == 0
        && shape.dState() % 4 == 0
        && shape.dState() <= MOST_STATES
        && shape.dtRank() % 4 == 0
        && shape.projected() <= StepPlan.THREADS
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
  private record Places(long normed, long shares, long folded, long gated, long end) {
    static Places of(StepPlan plan) {
      long numbers = (long) plan.shape().projected() * StepPlan.MESSAGE;
      long normed = plan.tableBytes();
      long shares = normed + plan.pairBytes(plan.shape().dModel());
      long folded = shares + StepPlan.sixteen(plan.blocks() * numbers);
      long gated = folded + StepPlan.sixteen(numbers);
      long end = gated + plan.pairBytes(plan.shape().dInner());
      return new Places(normed, shares, folded, gated, end);
    }
  }

  @Override
  public long workspaceFloats(Shape shape, int layers) {
    return shape.rows() > 1
        ? CudaBatchStep.workspaceFloats(shape)
        : Places.of(plan(shape, layers, DType.F32)).end() / Float.BYTES;
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
    View small = step.layers().getFirst().xProj();
    StepPlan plan = plan(step.shape(), step.layers().size(), small.type());
    PtxSource source = source(plan, small);
    Places places = Places.of(plan);
    launchTables(step, places, source);
    launcher.launchTogether(
        new Kernel(source, source.family()),
        new Grid(plan.blocks(), 1, plan.threads(), 1).shared(plan.sharedBytes()),
        arguments(step, places));
  }

  private void launchTables(Step step, Places places, PtxSource source) {
    int layers = step.layers().size();
    long base = DeviceMemory.address(step.workspace());
    long zeroed = places.end() - places.normed();
    for (int first = 0; first < layers; first += LAYERS_OF_LAUNCH) {
      int count = Math.min(LAYERS_OF_LAUNCH, layers - first);
      ByteBuffer table = ByteBuffer.allocate(TABLE_BYTES).order(ByteOrder.nativeOrder());
      step.layers().subList(first, first + count).forEach(layer -> putPointers(layer, table));
      Arguments arguments =
          new Arguments()
              .wide(base + (long) first * StepPlan.POINTERS * Long.BYTES)
              .wide(base + places.normed())
              .wide(first == 0 ? zeroed : 0)
              .number(count * StepPlan.POINTERS)
              .table(table.flip(), TABLE_BYTES);
      Grid grid = new Grid(TABLE_BLOCKS, 1, StepPlan.THREADS, 1);
      launcher.launch(new Kernel(source, "step_table"), grid, arguments);
    }
  }

  private static PtxSource source(StepPlan plan, View small) {
    Map<String, String> form = new HashMap<>();
    plan.form().forEach((name, value) -> form.put(name, String.valueOf(value)));
    form.put("SMALL", Vectors.type(small));
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
        .wide(base)
        .pointer(step.hidden())
        .pointer(step.out())
        .wide(base + places.normed())
        .wide(base + places.shares())
        .wide(base + places.folded())
        .wide(base + places.gated())
        .number(step.layers().size())
        .number(step.shape().dModel())
        .number(step.shape().dInner())
        .number(step.shape().normEps());
  }
}
