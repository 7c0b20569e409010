package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The causal depthwise convolution: the launches of {@code conv.ptx} for 2 to 4 taps, of {@code
 * conv_any.ptx} for other numbers, and of {@code conv_fold.ptx}.
 *
 * <p>The gradients of taps and bias are summed over runs of time steps into the workspace, then
 * over the runs, in an order that the shape alone gives.
 */
final class CudaConv implements ConvKernels {
  private static final int WARP = 32;
  private static final int LEAST_TAPS = 2;
  private static final int MOST_TAPS = 4;

  /** Channels that a thread treats at most. */
  private static final int CHANNELS = 4;

  private static final int FORWARD_THREADS = 128;

  /** Threads a multiprocessor that keep its memory busy. */
  private static final int FORWARD_ENOUGH = 1024;

  private static final int FORWARD_MOST_STEPS = 64;

  /** Half as many on the way back, where four would leave room for four warps a scheduler. */
  private static final int BACKWARD_CHANNELS = 2;

  /** Small blocks, since its many registers leave no room for whole large ones. */
  private static final int BACKWARD_THREADS = 64;

  /** Threads that keep a large GPU busy; not the GPU at hand's, for the same sums on each. */
  private static final int BACKWARD_ENOUGH = 65_536;

  private static final int BACKWARD_MOST_STEPS = 1024;

  /**
   * More than the taps of the kernels for few, less one: a run's inputs before it are of the run
   * before.
   */
  private static final int LEAST_STEPS = 8;

  private static final int FOLD_SIDE = 32;

  private final Launcher launcher;

  CudaConv(Launcher launcher) {
    this.launcher = launcher;
  }

  private static boolean hasFewTaps(Shape shape) {
    return shape.width() >= LEAST_TAPS && shape.width() <= MOST_TAPS;
  }

  private static Kernel few(Shape shape, View x, int vector, String name) {
    Map<String, String> form =
        Map.of(
            "T", Vectors.type(x),
            "WIDTH", String.valueOf(shape.width()),
            "VECTOR", String.valueOf(vector),
            "SILU", shape.silu() ? "1" : "0");
    return new Kernel(new PtxSource("conv", form), name);
  }

  private static Kernel any(Shape shape, View x, String name) {
    Map<String, String> form = Map.of("T", Vectors.type(x), "SILU", shape.silu() ? "1" : "0");
    return new Kernel(new PtxSource("conv_any", form), name);
  }

  /** Returns the longest run of steps, a power of two, with which there are enough threads. */
  private static int steps(Shape shape, int vectors, long enough, int most) {
    int steps = most;
    while (steps > LEAST_STEPS
        && (long) shape.batch() * Math.ceilDiv(shape.length(), steps) * vectors < enough) {
      steps /= 2;
    }
    return steps;
  }

  private static int backwardSteps(Shape shape) {
    int vectors = Math.ceilDiv(shape.channels(), BACKWARD_CHANNELS);
    return steps(shape, vectors, BACKWARD_ENOUGH, BACKWARD_MOST_STEPS);
  }

  private static int backwardRuns(Shape shape) {
    return Math.ceilDiv(shape.length(), backwardSteps(shape));
  }

  /** Returns a grid of the threads of each sequence along x and the sequences along y. */
  private static Grid grid(Shape shape, long threads, int most) {
    int size = (int) Math.min(most, Math.ceilDiv(threads, WARP) * WARP);
    int x = Math.toIntExact(Math.ceilDiv(threads, size));
    return new Grid(x, Math.min(shape.batch(), Grid.MAX_Y), size, 1);
  }

  /** Appends a matrix that may be missing: then both numbers are zero. */
  private static Arguments append(Arguments arguments, @Nullable View view) {
    return view == null ? arguments.wide(0).wide(0) : arguments.matrix(view);
  }

  private static @Nullable View viewOf(@Nullable Sink sink) {
    return sink == null ? null : sink.view();
  }

  private static int flag(@Nullable Sink sink) {
    return sink != null && sink.add() ? 1 : 0;
  }

  @Override
  public void forward(Forward conv) {
    if (!hasFewTaps(conv.shape())) {
      forwardAny(conv);
    } else if (conv.shape().length() == 1) {
      step(conv);
    } else {
      forwardFew(conv);
    }
  }

  private static Arguments forwardArguments(Forward conv) {
    Inputs inputs = conv.inputs();
    Arguments arguments =
        new Arguments()
            .matrix(conv.out())
            .matrix(inputs.x())
            .matrix(inputs.taps())
            .pointer(inputs.bias());
    return append(arguments, inputs.initialState());
  }

  private void step(Forward conv) {
    Shape shape = conv.shape();
    Arguments arguments =
        append(forwardArguments(conv), conv.finalState())
            .number(shape.batch())
            .number(shape.channels());
    Grid grid = grid(shape, shape.channels(), FORWARD_THREADS);
    launcher.launch(few(shape, conv.inputs().x(), 1, "one_step"), grid, arguments);
  }

  private void forwardFew(Forward conv) {
    Shape shape = conv.shape();
    Inputs inputs = conv.inputs();
    int vector =
        Vectors.across(
            CHANNELS,
            shape.channels(),
            conv.out(),
            inputs.x(),
            inputs.taps(),
            inputs.bias(),
            inputs.initialState(),
            conv.finalState());
    int vectors = shape.channels() / vector;
    long enough = (long) launcher.multiprocessors() * FORWARD_ENOUGH;
    int steps = steps(shape, vectors, enough, FORWARD_MOST_STEPS);
    Arguments arguments =
        append(forwardArguments(conv), conv.finalState())
            .number(shape.batch())
            .number(shape.length())
            .number(shape.channels())
            .number(steps);
    long threads = (long) Math.ceilDiv(shape.length(), steps) * vectors;
    Grid grid = grid(shape, threads, FORWARD_THREADS);
    launcher.launch(few(shape, inputs.x(), vector, "forward"), grid, arguments);
  }

  private void forwardAny(Forward conv) {
    Shape shape = conv.shape();
    View x = conv.inputs().x();
    int rows = Math.multiplyExact(shape.batch(), shape.length());
    launchAny(shape, x, "forward", rows, forwardArguments(conv));
    if (conv.finalState() != null && shape.width() > 1) {
      Arguments arguments = append(new Arguments().matrix(x), conv.inputs().initialState());
      append(arguments, conv.finalState());
      launchAny(shape, x, "final_state", shape.batch(), arguments);
    }
  }

  /** Launches a kernel that treats [rows, channels] elements; sizes follow the given arguments. */
  private void launchAny(Shape shape, View x, String name, int rows, Arguments arguments) {
    arguments.number(shape.length()).number(shape.width());
    if (name.equals("tap_sums")) {
      arguments.number(backwardRuns(shape)).number(backwardSteps(shape));
    }
    arguments.number(rows).number(shape.channels());
    launcher.launch(any(shape, x, name), Grid.over(rows, shape.channels()), arguments);
  }

  @Override
  public long backwardWorkspaceFloats(Shape shape) {
    long runs = (long) shape.batch() * backwardRuns(shape);
    long sums = runs * (shape.width() + 1) * shape.channels();
    return hasFewTaps(shape) ? sums : sums + sumGradients(shape);
  }

  private static long sumGradients(Shape shape) {
    return (long) shape.batch() * shape.length() * shape.channels();
  }

  @Override
  public void backward(Backward conv) {
    Shape shape = conv.shape();
    View workspace = conv.workspace();
    View floats =
        new View(workspace.storage(), workspace.type(), workspace.offset(), shape.channels());
    boolean wantsSums = conv.tapsGrad() != null || conv.biasGrad() != null;
    if (hasFewTaps(shape)) {
      backwardFew(conv, wantsSums ? floats : null);
      if (wantsSums) {
        fold(conv, floats);
      }
    } else {
      backwardAny(conv, floats);
      if (wantsSums) {
        View sums = floats.plus(sumGradients(shape));
        tapSums(conv, floats, sums);
        fold(conv, sums);
      }
    }
  }

  private void backwardFew(Backward conv, @Nullable View sums) {
    Shape shape = conv.shape();
    Inputs inputs = conv.inputs();
    View xGrad = viewOf(conv.xGrad());
    View stateGrad = viewOf(conv.initialStateGrad());
    int vector =
        Vectors.across(
            BACKWARD_CHANNELS,
            shape.channels(),
            inputs.x(),
            inputs.taps(),
            inputs.bias(),
            inputs.initialState(),
            conv.outGrad(),
            conv.finalStateGrad(),
            xGrad,
            stateGrad,
            sums);
    Arguments arguments =
        new Arguments().matrix(inputs.x()).matrix(inputs.taps()).pointer(inputs.bias());
    append(arguments, inputs.initialState()).matrix(conv.outGrad());
    append(append(append(arguments, conv.finalStateGrad()), xGrad), stateGrad)
        .pointer(sums)
        .number(shape.batch())
        .number(shape.length())
        .number(shape.channels())
        .number(backwardSteps(shape))
        .number(flag(conv.initialStateGrad()));
    long threads = (long) backwardRuns(shape) * (shape.channels() / vector);
    Grid grid = grid(shape, threads, BACKWARD_THREADS);
    Kernel kernel = few(shape, inputs.x(), vector, "backward_" + flag(conv.xGrad()));
    launcher.launch(kernel, grid, arguments);
  }

  private void backwardAny(Backward conv, View sumGrad) {
    Shape shape = conv.shape();
    Inputs inputs = conv.inputs();
    View x = inputs.x();
    Arguments slopes =
        new Arguments()
            .matrix(sumGrad)
            .matrix(conv.outGrad())
            .matrix(x)
            .matrix(inputs.taps())
            .pointer(inputs.bias());
    append(slopes, inputs.initialState());
    int rows = Math.multiplyExact(shape.batch(), shape.length());
    launchAny(shape, x, "sum_gradient", rows, slopes);
    if (conv.xGrad() == null && conv.initialStateGrad() == null) {
      return;
    }
    Arguments gradients = append(new Arguments(), viewOf(conv.xGrad()));
    append(gradients, viewOf(conv.initialStateGrad())).matrix(sumGrad);
    append(gradients, conv.finalStateGrad())
        .matrix(inputs.taps())
        .number(flag(conv.xGrad()))
        .number(flag(conv.initialStateGrad()));
    int places = Math.multiplyExact(shape.batch(), shape.length() + shape.width() - 1);
    launchAny(shape, x, "input_gradient", places, gradients);
  }

  private void tapSums(Backward conv, View sumGrad, View sums) {
    Shape shape = conv.shape();
    View x = conv.inputs().x();
    Arguments arguments = new Arguments().matrix(sums).matrix(sumGrad).matrix(x);
    append(arguments, conv.inputs().initialState());
    long rows = (long) shape.batch() * backwardRuns(shape) * (shape.width() + 1);
    launchAny(shape, x, "tap_sums", Math.toIntExact(rows), arguments);
  }

  private void fold(Backward conv, View sums) {
    Shape shape = conv.shape();
    Arguments arguments =
        append(new Arguments(), viewOf(conv.tapsGrad()))
            .pointer(viewOf(conv.biasGrad()))
            .pointer(sums)
            .number(shape.channels())
            .number(shape.width())
            .number(Math.multiplyExact(shape.batch(), backwardRuns(shape)))
            .number(flag(conv.tapsGrad()))
            .number(flag(conv.biasGrad()));
    int elements = Math.multiplyExact(shape.width() + 1, shape.channels());
    Grid grid = new Grid(Math.ceilDiv(elements, FOLD_SIDE), 1, FOLD_SIDE, FOLD_SIDE);
    launcher.launch(new Kernel("conv_fold", "fold"), grid, arguments);
  }
}
