package io.github.mamba4j.cuda;

import io.github.mamba4j.cuda.ScanForm.Alignment;
import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels;
import io.github.mamba4j.spi.View;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The selective scan: the launches of {@code scan.ptx}, {@code scan_long.ptx}, {@code
 * scan_step.ptx}, {@code scan_ends.ptx} and {@code scan_carry.ptx}.
 *
 * <p>A scan reads u, dt, z and writes out once; its exponentials, one a step, channel and state,
 * take longer than that for 16 states. It runs in one pass over time where the lanes of all
 * channels and states fill the GPU. Where they are few and time is long, time is cut into chunks: a
 * first pass computes their last states from zero, a second one joins them, a third one is the scan
 * itself from the states before them. A state that forgets needs the end of a chunk only: the first
 * pass goes back until what came before is zero in floats. The price is each exponential twice
 * where states remember whole chunks, and next to nothing where they do not; results are the same,
 * but that a NaN or an infinity reaches later chunks only from where they look back to.
 */
final class CudaScan implements ScanKernels {
  /** Steps between the states that the backward scan starts again from. */
  static final int CHECKPOINT_STEPS = 16;

  /** Lanes of so few warps leave most of a large GPU idle. */
  private static final int FEW_WARPS = 600;

  private static final int LEAST_CHUNK = 64;

  /**
   * Steps of chunks from which on cutting time beats time over lanes: by a third where states
   * forget soon, by nothing yet with the memory that a model begins with. Where states never
   * forget, it takes a sixth longer.
   */
  private static final int LONG_CHUNK = 16_384;

  private static final int STEP_CHANNELS = 32;
  private static final int STEP_WARPS = 8;
  private static final int CARRY_CHANNELS = 128;
  private static final int ENDS_CHANNELS = 64;
  private static final int ENDS_THREADS = 256;

  /** States of a slice, whose sums of step sizes over a chunk are kept together. */
  private static final int SLICE_STATES = 16;

  /**
   * How a scan is run.
   *
   * @param form states over lanes
   * @param across time over lanes, or null for states over lanes
   * @param chunkSteps steps of the chunks that time is cut into
   * @param chunks how many of them there are
   */
  private record Plan(ScanForm form, @Nullable ScanLongForm across, int chunkSteps, int chunks) {
    static Plan of(Shape shape, int activationBytes, int sharedBytes) {
      ScanForm whole = ScanForm.choose(shape, 1);
      Plan plan = new Plan(whole, null, shape.length(), 1);
      if (shape.length() <= BATCH_INVARIANT_STEPS || whole.product() >= 4) {
        return plan;
      }
      if (ScanLongForm.suits(shape)) {
        Plan cut = cut(shape);
        if (cut.chunkSteps() >= LONG_CHUNK) {
          return cut;
        }
        ScanLongForm across = ScanLongForm.choose(shape, activationBytes, sharedBytes);
        if (across != null) {
          return new Plan(whole, across, shape.length(), 1);
        }
      }
      boolean fills = shape.batch() * whole.fullWarps(shape.dInner()) > FEW_WARPS;
      return fills ? plan : cut(shape);
    }

    private static Plan cut(Shape shape) {
      int most = shape.length() / LEAST_CHUNK;
      long sequence = shape.batch() * ScanForm.choose(shape, most).fullWarps(shape.dInner());
      int wanted = (int) Math.min(most, Math.ceilDiv(ScanForm.ENOUGH_WARPS, sequence));
      ScanForm form = ScanForm.choose(shape, wanted);
      int steps = Math.ceilDiv(Math.ceilDiv(shape.length(), wanted), form.steps()) * form.steps();
      return new Plan(form, null, steps, Math.ceilDiv(shape.length(), steps));
    }

    boolean isCut() {
      return chunks > 1;
    }

    long endFloats(Shape shape) {
      return (long) shape.batch() * chunks * shape.dState() * shape.dInner();
    }

    long totalFloats(Shape shape) {
      return (long) shape.batch() * chunks * slices(shape) * shape.dInner();
    }
  }

  private static int slices(Shape shape) {
    return Math.ceilDiv(shape.dState(), SLICE_STATES);
  }

  private final Launcher launcher;
  private final @Nullable Plan fixed;
  private final CudaPrefix prefix;
  private final CudaScanBackward backward;

  CudaScan(Launcher launcher) {
    this(launcher, null);
  }

  private CudaScan(Launcher launcher, @Nullable Plan fixed) {
    this.launcher = launcher;
    this.fixed = fixed;
    prefix = new CudaPrefix(launcher);
    backward = new CudaScanBackward(launcher);
  }

  @Override
  public long checkpointFloats(Shape shape) {
    long perSequence = Math.ceilDiv(shape.length(), CHECKPOINT_STEPS);
    return perSequence * shape.batch() * shape.dState() * shape.dInner();
  }

  /** For measurements and tests: scans take the given form, in chunks of some steps. */
  static CudaScan inForm(Launcher launcher, ScanForm form, Shape shape, int chunkSteps) {
    int chunks = Math.ceilDiv(shape.length(), chunkSteps);
    return new CudaScan(launcher, new Plan(form, null, chunkSteps, chunks));
  }

  /** For measurements and tests: scans take the given form. */
  static CudaScan inForm(Launcher launcher, ScanLongForm form, Shape shape) {
    return new CudaScan(launcher, new Plan(ScanForm.choose(shape, 1), form, shape.length(), 1));
  }

  private Plan plan(Shape shape, int activationBytes) {
    return fixed == null ? Plan.of(shape, activationBytes, launcher.sharedBytes()) : fixed;
  }

  @Override
  public long forwardWorkspaceFloats(Shape shape) {
    // The wider type may need chunks where the narrower does not.
    Plan plan = plan(shape, Float.BYTES);
    return plan.isCut() ? plan.endFloats(shape) + plan.totalFloats(shape) : 0;
  }

  @Override
  public long backwardWorkspaceFloats(Shape shape) {
    return CudaScanBackward.workspaceFloats(shape);
  }

  @Override
  public long prefixWorkspaceFloats(int batch, int length, int width, PrefixAlgorithm algorithm) {
    return CudaPrefix.workspaceFloats(batch, length, width, algorithm);
  }

  @Override
  public void forward(Forward scan) {
    Shape shape = scan.shape();
    Plan plan = plan(shape, scan.inputs().u().type().blockBytes());
    if (shape.length() == 1 && scan.checkpoints() == null) {
      step(scan);
    } else if (plan.across() != null) {
      across(scan, plan.across());
    } else if (plan.isCut()) {
      cut(scan, plan);
    } else {
      View initial = scan.inputs().initialState();
      launch(scan, plan, initial);
    }
  }

  private void cut(Forward scan, Plan plan) {
    Shape shape = scan.shape();
    View workspace = scan.workspace();
    View ends = new View(workspace.storage(), DType.F32, workspace.offset(), shape.dInner());
    View totals = ends.plus(plan.endFloats(shape));
    ends(scan, plan, ends, totals);
    Arguments arguments = new Arguments().pointer(ends).pointer(totals).matrix(scan.inputs().a());
    optional(arguments, scan.inputs().initialState())
        .number(shape.batch())
        .number(plan.chunks())
        .number(shape.dInner())
        .number(shape.dState());
    int tasks = Math.min(shape.batch() * shape.dState(), Grid.MAX_Y);
    Grid grid = new Grid(Math.ceilDiv(shape.dInner(), CARRY_CHANNELS), tasks, CARRY_CHANNELS, 1);
    launcher.launch(new Kernel("scan_carry", "scan_carry"), grid, arguments);
    launch(scan, plan, ends);
  }

  /** The states at the ends of all chunks but the last one. */
  private void ends(Forward scan, Plan plan, View ends, View totals) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    Arguments arguments =
        new Arguments()
            .matrix(inputs.u())
            .matrix(inputs.dt())
            .matrix(inputs.b())
            .matrix(inputs.a())
            .pointer(inputs.dtBias())
            .pointer(ends)
            .pointer(totals)
            .number(shape.batch())
            .number(shape.length())
            .number(shape.dInner())
            .number(shape.dState())
            .number(plan.chunkSteps());
    Map<String, String> variables = new HashMap<>(ScanForm.step(Vectors.type(inputs.u()), shape));
    int vector = Vectors.across(2, shape.dInner(), inputs.u(), inputs.dt());
    variables.put("VECTOR", String.valueOf(vector));
    boolean fours = Vectors.across(4, shape.dState(), inputs.b()) == 4;
    variables.put("INPUTS", fours ? "4" : "1");
    int x = Math.ceilDiv(shape.dInner(), ENDS_CHANNELS) * slices(shape);
    Grid grid = new Grid(x, Math.min(shape.batch(), Grid.MAX_Y), ENDS_THREADS, 1);
    launcher.launch(
        new Kernel(new PtxSource("scan_ends", variables), "scan_ends"),
        grid.layers(plan.chunks() - 1),
        arguments);
  }

  private void across(Forward scan, ScanLongForm wide) {
    Shape shape = scan.shape();
    int size = scan.inputs().u().type().blockBytes();
    int vector = vector(scan, wide.vector(size));
    ScanLongForm form = wide.forVectors(vector);
    Arguments arguments = inputs(scan);
    optional(arguments, scan.inputs().initialState());
    optional(arguments, scan.finalState())
        .pointer(scan.inputs().dSkip())
        .pointer(scan.inputs().dtBias())
        .pointer(scan.checkpoints())
        .number(shape.batch())
        .number(shape.length())
        .number(shape.dInner())
        .number(shape.dState());
    int inputs = form.inputs(shape.dState(), size);
    while (inputs > 1
        && !(Vectors.aligned(scan.inputs().b(), inputs)
            && Vectors.aligned(scan.inputs().c(), inputs))) {
      inputs /= 2;
    }
    boolean gated = scan.inputs().z() != null;
    Alignment alignment = new Alignment(vector, inputs, gated);
    Kernel kernel =
        form.kernel(Vectors.type(scan.inputs().u()), alignment, shape, scan.checkpoints() != null);
    launcher.launch(kernel, form.grid(shape, size), arguments);
  }

  /** The scan itself, from the states before each chunk. */
  private void launch(Forward scan, Plan plan, @Nullable View initial) {
    Shape shape = scan.shape();
    Arguments arguments = inputs(scan);
    optional(arguments, initial);
    optional(arguments, scan.finalState())
        .pointer(scan.inputs().dSkip())
        .pointer(scan.inputs().dtBias())
        .pointer(scan.checkpoints())
        .number(shape.batch())
        .number(shape.length())
        .number(shape.dInner())
        .number(shape.dState())
        .number(plan.chunkSteps());
    ScanForm form = plan.form();
    int size = scan.inputs().u().type().blockBytes();
    Alignment alignment =
        new Alignment(vector(scan, form.vector(size)), paired(scan), scan.inputs().z() != null);
    Kernel kernel = form.kernel(Vectors.type(scan.inputs().u()), alignment, shape);
    launcher.launch(kernel, form.grid(shape, plan.chunks(), size), arguments);
  }

  /** Returns how many activations a thread may load at once: all rows have to lie at multiples. */
  private static int vector(Forward scan, int most) {
    Inputs inputs = scan.inputs();
    int channels = scan.shape().dInner();
    return Vectors.across(most, channels, inputs.u(), inputs.dt(), scan.out(), inputs.z());
  }

  private static int paired(Forward scan) {
    Inputs inputs = scan.inputs();
    return Vectors.across(2, scan.shape().dState(), inputs.b(), inputs.c());
  }

  /** The parameters that all kernels begin with. */
  private static Arguments inputs(Forward scan) {
    Inputs inputs = scan.inputs();
    Arguments arguments =
        new Arguments()
            .matrix(scan.out())
            .matrix(inputs.u())
            .matrix(inputs.dt())
            .matrix(inputs.b())
            .matrix(inputs.c());
    return optional(arguments, inputs.z()).matrix(inputs.a());
  }

  private static Arguments optional(Arguments arguments, @Nullable View view) {
    return arguments.pointer(view).wide(view == null ? 0 : view.stride());
  }

  private void step(Forward scan) {
    Shape shape = scan.shape();
    Arguments arguments = inputs(scan);
    optional(arguments, scan.inputs().initialState());
    optional(arguments, scan.finalState())
        .pointer(scan.inputs().dSkip())
        .pointer(scan.inputs().dtBias())
        .number(shape.batch())
        .number(shape.dInner())
        .number(shape.dState());
    PtxSource source =
        new PtxSource("scan_step", ScanForm.step(Vectors.type(scan.inputs().u()), shape));
    int x = Math.ceilDiv(shape.dInner(), STEP_CHANNELS);
    Grid grid = new Grid(x, Math.min(shape.batch(), Grid.MAX_Y), STEP_CHANNELS, STEP_WARPS);
    launcher.launch(new Kernel(source, "scan_step"), grid, arguments);
  }

  @Override
  public void backward(Backward scan) {
    backward.run(scan);
  }

  @Override
  public void prefix(Prefix scan) {
    prefix.run(scan);
  }
}
