package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.ScanKernels.Backward;
import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of the selective scan: the launches of {@code scan_backward.ptx}.
 *
 * <p>One kernel does the work; it leaves sums over its blocks' channels for B and C and sums over
 * its parts of time and batch for A, the direct path and the bias, which two small kernels add up
 * in order. Where the channels are too few for a GPU, time is cut into chunks, through which the
 * gradient of the states is carried by two more kernels first.
 *
 * <p>Of a step and channel it moves u, dt, z, the result's gradient and three gradients, 14 bytes
 * of bf16, and 4 bytes of checkpoints of 16 states. Arithmetic takes longer: about 21 instructions
 * of a lane for each (step, channel, state) at bf16, 25 at float.
 */
final class CudaScanBackward {
  /** Steps between the states that the forward scan leaves. */
  static final int CHECKPOINT_STEPS = 16;

  private static final int ADD_U = 1;
  private static final int ADD_DT = 2;
  private static final int ADD_Z = 4;
  private static final int ADD_INITIAL = 8;
  private static final int SOFTPLUS = 16;

  private static final int WIDEST_BYTES = 16;
  private static final int FOLD_BLOCKS = 1 << 20;
  private static final int FOLD_CHANNELS = 32;
  private static final int FOLD_WARPS = 8;

  /** The workspace begins at a multiple of so many floats. */
  private static final int ALIGNMENT = 4;

  private final Launcher launcher;

  CudaScanBackward(Launcher launcher) {
    this.launcher = launcher;
  }

  /**
   * The parts of the workspace.
   *
   * @param products sums over a block's channels, [block, row, state] pairs for B and C
   * @param sums sums over a part of batch and time, [part, state + 2, channel]
   * @param running of many states: the gradient of those that are not in registers, [part, state,
   *     channel]
   * @param entering what enters a chunk from the right, [batch, chunk, state, channel]
   * @param sizes sums of step sizes, [batch, chunk, channel]
   */
  private record Room(View products, View sums, View running, View entering, View sizes) {
    static Room in(View workspace, Shape shape, ScanBackwardForm form) {
      long over = DeviceMemory.address(workspace) / Float.BYTES % ALIGNMENT;
      View products = workspace.plus((ALIGNMENT - over) % ALIGNMENT);
      View sums = products.plus(productFloats(shape, form));
      View running = sums.plus(sumFloats(shape, form));
      View entering = running.plus(runningFloats(shape, form));
      View sizes = entering.plus(enteringFloats(shape, form));
      return new Room(products, sums, running, entering, sizes);
    }
  }

  private static long productFloats(Shape shape, ScanBackwardForm form) {
    return 2L * form.blocks() * shape.batch() * shape.length() * shape.dState();
  }

  private static long sumFloats(Shape shape, ScanBackwardForm form) {
    return (long) form.parts() * (shape.dState() + 2) * shape.dInner();
  }

  private static long runningFloats(Shape shape, ScanBackwardForm form) {
    return form.many() ? (long) form.parts() * shape.dState() * shape.dInner() : 0;
  }

  private static long enteringFloats(Shape shape, ScanBackwardForm form) {
    return form.chunks() == 1 ? 0 : (long) form.parts() * shape.dState() * shape.dInner();
  }

  /** Returns the floats of scratch that a backward scan needs. */
  static long workspaceFloats(Shape shape) {
    return workspaceFloats(shape, ScanBackwardForm.of(shape));
  }

  static long workspaceFloats(Shape shape, ScanBackwardForm form) {
    long sizes = form.chunks() == 1 ? 0 : (long) form.parts() * shape.dInner();
    return productFloats(shape, form)
        + sumFloats(shape, form)
        + runningFloats(shape, form)
        + enteringFloats(shape, form)
        + sizes
        + ALIGNMENT;
  }

  /** Runs a backward scan. */
  void run(Backward scan) {
    run(scan, ScanBackwardForm.of(scan.shape()));
  }

  /** Runs a backward scan in a form, for measurements. */
  void run(Backward scan, ScanBackwardForm form) {
    Shape shape = scan.shape();
    Room room = Room.in(scan.workspace(), shape, form);
    DType type = scan.inputs().u().type();
    PtxSource source = form.source(shape, type, width(scan, form), adds(scan));
    if (form.chunks() > 1) {
      summarise(scan, form, room, source);
      carry(scan, form, room, source);
    }
    compute(scan, form, room, source);
    foldProjections(scan, form, room, type);
    foldSums(scan, form, room, type);
  }

  /** Returns how many neighbouring activations may be read at once. */
  static int width(Backward scan, ScanBackwardForm form) {
    Shape shape = scan.shape();
    int size = scan.inputs().u().type().blockBytes();
    int widest = WIDEST_BYTES / size;
    int states = form.many() ? widest : shape.dState();
    boolean pairs =
        shape.dInner() % 2 == 0
            && states % 2 == 0
            && inputsAlignedTo(scan, 2 * size)
            && outputsAlignedTo(scan, 2 * size);
    if (!pairs) {
      return 1;
    }
    boolean wide =
        shape.dInner() % widest == 0
            && states % Math.min(widest, 4 * form.states()) == 0
            && inputsAlignedTo(scan, WIDEST_BYTES)
            && DeviceMemory.address(scan.checkpoints()) % WIDEST_BYTES == 0;
    return wide ? widest : 2;
  }

  private static boolean inputsAlignedTo(Backward scan, int bytes) {
    Inputs inputs = scan.inputs();
    return Vectors.startsAt(inputs.u(), bytes)
        && Vectors.startsAt(inputs.dt(), bytes)
        && Vectors.startsAt(inputs.b(), bytes)
        && Vectors.startsAt(inputs.c(), bytes)
        && Vectors.startsAt(inputs.z(), bytes)
        && Vectors.startsAt(scan.outGrad(), bytes);
  }

  private static boolean outputsAlignedTo(Backward scan, int bytes) {
    Gradients gradients = scan.gradients();
    return Vectors.startsAt(view(gradients.u()), bytes)
        && Vectors.startsAt(view(gradients.dt()), bytes)
        && Vectors.startsAt(view(gradients.z()), bytes);
  }

  private static @Nullable View view(@Nullable Sink sink) {
    return sink == null ? null : sink.view();
  }

  private static long strideBytes(View view) {
    return view.type().bytes(view.stride());
  }

  /** Appends a view's address and its stride in bytes, zeros for none. */
  private static Arguments rows(Arguments arguments, @Nullable View view) {
    if (view == null) {
      return arguments.wide(0).number(0);
    }
    long stride = strideBytes(view);
    if (stride >>> Integer.SIZE != 0) {
      throw new IllegalArgumentException(
          "selectiveScan: rows must be less than 4 GiB apart, got " + stride + " bytes");
    }
    return arguments.pointer(view).number((int) stride);
  }

  private static Arguments rows(Arguments arguments, @Nullable Sink sink) {
    return rows(arguments, view(sink));
  }

  /** Appends scratch as rows of all channels. */
  private static Arguments channelRows(Arguments arguments, View view, Shape shape) {
    return rows(arguments, new View(view.storage(), view.type(), view.offset(), shape.dInner()));
  }

  private static int flag(@Nullable Sink sink, int bit) {
    return sink != null && sink.add() ? bit : 0;
  }

  private static boolean adds(Backward scan) {
    return (flags(scan) & (ADD_U | ADD_DT | ADD_Z)) != 0;
  }

  private static int flags(Backward scan) {
    Gradients gradients = scan.gradients();
    return flag(gradients.u(), ADD_U)
        | flag(gradients.dt(), ADD_DT)
        | flag(gradients.z(), ADD_Z)
        | flag(gradients.initialState(), ADD_INITIAL)
        | (scan.shape().softplus() ? SOFTPLUS : 0);
  }

  private static Grid grid(ScanBackwardForm form, DType type, int x, int y, int z) {
    return new Grid(x, y, 32 * form.warps(), 1).layers(z).shared(form.sharedBytes(type));
  }

  private void summarise(Backward scan, ScanBackwardForm form, Room room, PtxSource source) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    Arguments arguments = new Arguments();
    rows(arguments, inputs.dt());
    rows(arguments, inputs.b());
    rows(arguments, inputs.c());
    rows(arguments, inputs.z());
    rows(arguments, scan.outGrad());
    rows(arguments, inputs.a());
    arguments
        .pointer(inputs.dtBias())
        .pointer(room.entering())
        .pointer(room.sizes())
        .number(shape.length())
        .number(shape.dInner())
        .number(shape.dState())
        .number(form.blocks())
        .number(form.chunkTiles())
        .number(flags(scan));
    int x = form.blocks() * form.slabs(shape);
    Grid grid = grid(form, inputs.u().type(), x, shape.batch(), form.chunks() - 1);
    launcher.launch(new Kernel(source, "chunk_gradients"), grid, arguments);
  }

  private void carry(Backward scan, ScanBackwardForm form, Room room, PtxSource source) {
    Shape shape = scan.shape();
    Arguments arguments = new Arguments().pointer(room.entering()).pointer(room.sizes());
    rows(arguments, scan.inputs().a());
    rows(arguments, scan.finalStateGrad());
    arguments
        .number(shape.batch())
        .number(shape.dInner())
        .number(shape.dState())
        .number(form.chunks());
    int y = Math.min(shape.batch() * shape.dState(), Grid.MAX_Y);
    Grid grid = new Grid(Math.ceilDiv(shape.dInner(), Grid.THREADS), y, Grid.THREADS, 1);
    launcher.launch(new Kernel(source, "carry_gradients"), grid, arguments);
  }

  private void compute(Backward scan, ScanBackwardForm form, Room room, PtxSource source) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    Gradients gradients = scan.gradients();
    Arguments arguments = new Arguments();
    rows(arguments, inputs.u());
    rows(arguments, inputs.dt());
    rows(arguments, inputs.b());
    rows(arguments, inputs.c());
    rows(arguments, inputs.z());
    rows(arguments, scan.outGrad());
    rows(arguments, inputs.a());
    arguments.pointer(inputs.dSkip()).pointer(inputs.dtBias()).pointer(scan.checkpoints());
    if (form.chunks() > 1) {
      channelRows(arguments, room.entering(), shape);
    } else {
      rows(arguments, scan.finalStateGrad());
    }
    rows(arguments, gradients.u());
    rows(arguments, gradients.dt());
    rows(arguments, inputs.z() == null ? null : gradients.z());
    rows(arguments, gradients.initialState());
    arguments
        .pointer(gradients.b() == null && gradients.c() == null ? null : room.products())
        .pointer(room.sums())
        .pointer(room.running())
        .number(shape.batch())
        .number(shape.length())
        .number(shape.dInner())
        .number(shape.dState())
        .number(form.chunkTiles())
        .number(flags(scan));
    Grid grid = grid(form, inputs.u().type(), form.blocks(), form.groups(), form.chunks());
    launcher.launch(new Kernel(source, "backward"), grid, arguments);
  }

  private void foldProjections(Backward scan, ScanBackwardForm form, Room room, DType type) {
    Shape shape = scan.shape();
    Gradients gradients = scan.gradients();
    if (gradients.b() == null && gradients.c() == null) {
      return;
    }
    int rows = shape.batch() * shape.length();
    Arguments arguments = new Arguments();
    rows(arguments, gradients.b());
    rows(arguments, gradients.c());
    arguments
        .pointer(room.products())
        .number(rows)
        .number(shape.dState())
        .number(form.blocks())
        .number(flag(gradients.b(), 1) | flag(gradients.c(), 2));
    long threads = (long) rows * shape.dState();
    int x = (int) Math.min(Math.ceilDiv(threads, Grid.THREADS), FOLD_BLOCKS);
    Kernel kernel = new Kernel(ScanBackwardForm.folds(type), "fold_projections");
    launcher.launch(kernel, new Grid(x, 1, Grid.THREADS, 1), arguments);
  }

  private void foldSums(Backward scan, ScanBackwardForm form, Room room, DType type) {
    Shape shape = scan.shape();
    Gradients gradients = scan.gradients();
    if (gradients.a() == null && gradients.dSkip() == null && gradients.dtBias() == null) {
      return;
    }
    Arguments arguments = new Arguments();
    rows(arguments, gradients.a());
    arguments
        .pointer(view(gradients.dSkip()))
        .pointer(view(gradients.dtBias()))
        .pointer(room.sums())
        .number(shape.dInner())
        .number(shape.dState())
        .number(form.parts())
        .number(flag(gradients.a(), 1) | flag(gradients.dSkip(), 2) | flag(gradients.dtBias(), 4));
    int x = Math.ceilDiv(shape.dInner(), FOLD_CHANNELS);
    Kernel kernel = new Kernel(ScanBackwardForm.folds(type), "fold_sums");
    launcher.launch(kernel, new Grid(x, shape.dState() + 2, FOLD_CHANNELS, FOLD_WARPS), arguments);
  }
}
