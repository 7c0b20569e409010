package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.ConvKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The causal depthwise convolution.
 *
 * <p>A task is a block of time steps of a block of channels of one sequence. It packs the inputs it
 * meets, those before its first step included, into the worker's memory, so that the inner loops
 * see neither the beginning of a sequence nor its initial state; and the taps, a row of channels a
 * tap with the bias as last row.
 *
 * <p>The backward direction recomputes the sums p before the SiLU, turns the gradient of the result
 * into that of p, also for the {@code width − 1} steps after the block, and from it gets the
 * input's gradient by the same loop with the taps in reverse order. The taps' gradients are summed
 * block by block into the workspace, then over the blocks in pairs.
 */
abstract class CpuConv implements ConvKernels {
  private static final int BLOCK_STEPS = 64;

  /** Channels a block; packed inputs, gradients and taps of a block fit a second-level cache. */
  private static final int BLOCK_CHANNELS = 512;

  private final WorkerPool pool;
  private final Rows loops;
  private final WorkerPool.Body<Forward> step = this::step;
  private final WorkerPool.Body<Forward> forwardBlock = this::forwardBlock;
  private final WorkerPool.Body<Forward> copyState = this::copyState;
  private final WorkerPool.Body<Backward> backwardBlock = this::backwardBlock;
  private final WorkerPool.Body<Backward> foldTaps = this::foldTaps;

  CpuConv(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /**
   * {@code out = bias + Σ_j taps_j · x_j} for one step of n channels, or {@code out += Σ_j taps_j ·
   * x_j}.
   *
   * @param width number of taps
   * @param packed memory of inputs and taps
   * @param x n inputs of the oldest step; the next steps' follow
   * @param taps n weights of the oldest tap; the next taps' and the bias follow
   * @param out memory of the result
   * @param outStart its first element
   * @param n channels
   * @param add true to add the sum over the taps, without the bias
   */
  abstract void correlate(
      int width,
      MemorySegment packed,
      long x,
      long taps,
      MemorySegment out,
      long outStart,
      int n,
      boolean add);

  /** {@code p = silu(p)} for n elements. */
  abstract void silu(MemorySegment p, long start, int n);

  /** {@code p = silu'(p)} for n elements. */
  abstract void siluSlope(MemorySegment p, long start, int n);

  /**
   * {@code sums_j = Σ_t pGrad_t · x_(t+j)} for each tap j, and after the last tap {@code Σ_t
   * pGrad_t}, for n channels.
   *
   * @param shape the convolution
   * @param packed memory of inputs and gradients
   * @param x n inputs that the first step's oldest tap meets; the next steps' follow
   * @param pGrad n gradients of the first step; the next steps' follow
   * @param steps number of steps
   * @param n channels
   * @param sums memory of the sums, rows of all channels, overwritten
   * @param start the first element
   */
  abstract void tapGradients(
      Shape shape,
      MemorySegment packed,
      long x,
      long pGrad,
      int steps,
      int n,
      MemorySegment sums,
      long start);

  private static int timeBlocks(Shape shape) {
    return Tiles.tasks(shape.length(), BLOCK_STEPS);
  }

  private static int channelBlocks(Shape shape) {
    return Tiles.tasks(shape.channels(), BLOCK_CHANNELS);
  }

  private static int tasks(Shape shape) {
    return Math.toIntExact((long) shape.batch() * timeBlocks(shape) * channelBlocks(shape));
  }

  private static int batchOf(Shape shape, int task) {
    return task / channelBlocks(shape) / timeBlocks(shape);
  }

  private static int firstStep(Shape shape, int task) {
    return task / channelBlocks(shape) % timeBlocks(shape) * BLOCK_STEPS;
  }

  private static int firstChannel(Shape shape, int task) {
    return task % channelBlocks(shape) * BLOCK_CHANNELS;
  }

  private static int channels(Shape shape, int task) {
    return Math.min(BLOCK_CHANNELS, shape.channels() - firstChannel(shape, task));
  }

  @Override
  public final void forward(Forward conv) {
    if (isStep(conv)) {
      pool.forEach(conv.shape().batch(), conv, step);
      return;
    }
    pool.forEach(tasks(conv.shape()), conv, forwardBlock);
    // The initial state may be overwritten only now that all have read it.
    if (conv.finalState() != null && conv.shape().width() > 1) {
      pool.forEach(conv.shape().batch(), conv, copyState);
    }
  }

  /** Whether one token meets its sequence's state: nothing is packed then. */
  private static boolean isStep(Forward conv) {
    return conv.shape().length() == 1
        && conv.inputs().initialState() != null
        && conv.finalState() != null;
  }

  /** Takes a sequence a step further: a few microseconds, less than sharing them would cost. */
  private void step(Forward conv, int sequence, Scratch scratch) {
    int blocks = channelBlocks(conv.shape());
    for (int block = 0; block < blocks; block++) {
      stepBlock(conv, sequence * blocks + block, scratch);
    }
  }

  private void stepBlock(Forward conv, int task, Scratch scratch) {
    Shape shape = conv.shape();
    View before = Objects.requireNonNull(conv.inputs().initialState());
    View after = Objects.requireNonNull(conv.finalState());
    int n = channels(shape, task);
    int history = shape.width() - 1;
    MemorySegment sum = scratch.floats(n);
    View bias = conv.inputs().bias();
    copy(bias, bias == null ? 0 : bias.offset() + firstChannel(shape, task), sum, 0, n);
    for (int j = 0; j <= history; j++) {
      boolean now = j == history;
      View x = now ? conv.inputs().x() : before;
      long from = now ? at(x, shape, task, 0) : atState(x, shape, task, j);
      long taps = row(conv.inputs().taps(), j) + firstChannel(shape, task);
      MemorySegment source = CpuStorage.of(x);
      loops.product(CpuStorage.of(conv.inputs().taps()), taps, source, from, sum, 0, n, true);
      if (j > 0) {
        copy(x, from, CpuStorage.of(after), atState(after, shape, task, j - 1), n);
      }
    }
    MemorySegment out = CpuStorage.of(conv.out());
    long outStart = at(conv.out(), shape, task, 0);
    if (shape.silu()) {
      loops.silu(sum, 0, out, outStart, n);
    } else {
      loops.scale(1, sum, 0, out, outStart, n, false);
    }
  }

  private void forwardBlock(Forward conv, int task, Scratch scratch) {
    Shape shape = conv.shape();
    int width = shape.width();
    int first = firstStep(shape, task);
    int end = Math.min(shape.length(), first + BLOCK_STEPS);
    int n = channels(shape, task);
    long x = (width + 1L) * n;
    MemorySegment packed = scratch.floats(x + (width - 1L + end - first) * n);
    packTaps(shape, conv.inputs(), task, packed);
    packInputs(shape, conv.inputs(), task, end, packed, x);
    MemorySegment out = CpuStorage.of(conv.out());
    for (int t = first; t < end; t++) {
      long outStart = at(conv.out(), shape, task, t);
      correlate(width, packed, x + (long) (t - first) * n, 0, out, outStart, n, false);
      if (shape.silu()) {
        silu(out, outStart, n);
      }
    }
  }

  /** Returns the index of the block's first channel at a step. */
  private static long at(View view, Shape shape, int task, int step) {
    return row(view, (long) batchOf(shape, task) * shape.length() + step)
        + firstChannel(shape, task);
  }

  /** Returns the index of the block's first channel in a row of a state, the oldest being row 0. */
  private static long atState(View view, Shape shape, int task, int stateRow) {
    return row(view, (long) batchOf(shape, task) * (shape.width() - 1) + stateRow)
        + firstChannel(shape, task);
  }

  /** Packs the taps of the block's channels and the bias, a row each. */
  private void packTaps(Shape shape, Inputs inputs, int task, MemorySegment packed) {
    int channel = firstChannel(shape, task);
    int n = channels(shape, task);
    for (int j = 0; j < shape.width(); j++) {
      copy(inputs.taps(), row(inputs.taps(), j) + channel, packed, (long) j * n, n);
    }
    View bias = inputs.bias();
    copy(bias, bias == null ? 0 : bias.offset() + channel, packed, (long) shape.width() * n, n);
  }

  /** Packs the inputs of the steps from {@code width − 1} before the block to an end. */
  private void packInputs(
      Shape shape, Inputs inputs, int task, int end, MemorySegment packed, long start) {
    int n = channels(shape, task);
    int history = shape.width() - 1;
    int oldest = firstStep(shape, task) - history;
    View state = inputs.initialState();
    for (int t = oldest; t < end; t++) {
      long target = start + (long) (t - oldest) * n;
      if (t >= 0) {
        copy(inputs.x(), at(inputs.x(), shape, task, t), packed, target, n);
      } else {
        long from = state == null ? 0 : atState(state, shape, task, history + t);
        copy(state, from, packed, target, n);
      }
    }
  }

  /** Copies n elements, or zeros if there is no view. */
  private void copy(@Nullable View from, long start, MemorySegment to, long target, int n) {
    if (from == null) {
      loops.fill(0, to, target, n);
    } else {
      loops.scale(1, CpuStorage.of(from), start, to, target, n, false);
    }
  }

  /** Copies the last inputs of a sequence; row i is input {@code length − (width − 1) + i}. */
  private void copyState(Forward conv, int batch, Scratch scratch) {
    Shape shape = conv.shape();
    View state = conv.finalState();
    if (state == null) {
      return;
    }
    int history = shape.width() - 1;
    View initial = conv.inputs().initialState();
    View x = conv.inputs().x();
    MemorySegment target = CpuStorage.of(state);
    // In ascending order: what an initial state in the same memory gives lies further on.
    for (int i = 0; i < history; i++) {
      int t = shape.length() - history + i;
      long to = row(state, (long) batch * history + i);
      if (t >= 0) {
        copy(x, row(x, (long) batch * shape.length() + t), target, to, shape.channels());
      } else {
        long from = initial == null ? 0 : row(initial, (long) batch * history + history + t);
        copy(initial, from, target, to, shape.channels());
      }
    }
  }

  @Override
  public final long backwardWorkspaceFloats(Shape shape) {
    return (long) shape.batch() * timeBlocks(shape) * (shape.width() + 1) * shape.channels();
  }

  @Override
  public final void backward(Backward conv) {
    Shape shape = conv.shape();
    pool.forEach(tasks(shape), conv, backwardBlock);
    if (conv.tapsGrad() != null || conv.biasGrad() != null) {
      int sums = (shape.width() + 1) * shape.channels();
      int blocks = shape.batch() * timeBlocks(shape);
      pool.forEach(Tiles.tasks(sums, Rows.foldColumns(blocks)), conv, foldTaps);
      storeTapGradients(conv);
    }
  }

  /*
   * Packed memory of a backward block, in rows of its n channels: taps and bias (width + 1), taps
   * reversed and zeros (width + 1), gradients of p and, as many, inputs: both for width − 1 steps
   * before the block, its steps, and width − 1 steps after it.
   */
  private void backwardBlock(Backward conv, int task, Scratch scratch) {
    Shape shape = conv.shape();
    int history = shape.width() - 1;
    int first = firstStep(shape, task);
    int end = Math.min(shape.length(), first + BLOCK_STEPS);
    long n = channels(shape, task);
    long rows = 2L * history + end - first;
    long pGrad = 2L * (shape.width() + 1) * n;
    MemorySegment packed = scratch.floats(pGrad + 2 * rows * n);
    packTaps(shape, conv.inputs(), task, packed);
    long x = pGrad + rows * n;
    int packedEnd = Math.min(shape.length(), end + history);
    packInputs(shape, conv.inputs(), task, packedEnd, packed, x);
    sumGradients(conv, task, packed, pGrad, x);
    if (conv.tapsGrad() != null || conv.biasGrad() != null) {
      long partial = (long) (task / channelBlocks(shape)) * (shape.width() + 1) * shape.channels();
      View workspace = conv.workspace();
      tapGradients(
          shape,
          packed,
          x,
          pGrad + history * n,
          end - first,
          (int) n,
          CpuStorage.of(workspace),
          workspace.offset() + partial + firstChannel(shape, task));
    }
    reverseTaps(shape, packed, (int) n);
    inputGradients(conv, task, packed, pGrad);
  }

  /** Computes the gradients of p; zeros before and after the sequence. */
  private void sumGradients(Backward conv, int task, MemorySegment packed, long pGrad, long x) {
    Shape shape = conv.shape();
    int history = shape.width() - 1;
    int first = firstStep(shape, task);
    int end = Math.min(shape.length(), first + BLOCK_STEPS);
    int n = channels(shape, task);
    MemorySegment grad = CpuStorage.of(conv.outGrad());
    loops.fill(0, packed, pGrad, history * n);
    for (int t = first; t < end + history; t++) {
      long place = pGrad + (long) (t - first + history) * n;
      if (t >= shape.length()) {
        loops.fill(0, packed, place, n);
        continue;
      }
      long gradStart = at(conv.outGrad(), shape, task, t);
      if (shape.silu()) {
        long oldest = x + (long) (t - first) * n;
        correlate(shape.width(), packed, oldest, 0, packed, place, n, false);
        siluSlope(packed, place, n);
        loops.product(packed, place, grad, gradStart, packed, place, n, false);
      } else {
        loops.scale(1, grad, gradStart, packed, place, n, false);
      }
    }
  }

  private void reverseTaps(Shape shape, MemorySegment packed, int n) {
    int width = shape.width();
    long reversed = (width + 1L) * n;
    for (int j = 0; j < width; j++) {
      long from = (width - 1L - j) * n;
      loops.scale(1, packed, from, packed, reversed + (long) j * n, n, false);
    }
    loops.fill(0, packed, reversed + (long) width * n, n);
  }

  /** Writes the gradients of the block's inputs, and in the first block of the initial state. */
  private void inputGradients(Backward conv, int task, MemorySegment packed, long pGrad) {
    Shape shape = conv.shape();
    int history = shape.width() - 1;
    int first = firstStep(shape, task);
    int end = Math.min(shape.length(), first + BLOCK_STEPS);
    int n = channels(shape, task);
    for (int t = first == 0 ? -history : first; t < end; t++) {
      Sink sink = t < 0 ? conv.initialStateGrad() : conv.xGrad();
      if (sink == null) {
        continue;
      }
      View view = sink.view();
      MemorySegment target = CpuStorage.of(view);
      long start = t < 0 ? atState(view, shape, task, history + t) : at(view, shape, task, t);
      long oldest = pGrad + (long) (t - first + history) * n;
      long reversed = (shape.width() + 1L) * n;
      correlate(shape.width(), packed, oldest, reversed, target, start, n, sink.add());
      View finalGrad = conv.finalStateGrad();
      int stateRow = t - (shape.length() - history);
      if (finalGrad != null && stateRow >= 0) {
        long from = atState(finalGrad, shape, task, stateRow);
        loops.scale(1, CpuStorage.of(finalGrad), from, target, start, n, true);
      }
    }
  }

  private void foldTaps(Backward conv, int task, Scratch scratch) {
    Shape shape = conv.shape();
    int sums = (shape.width() + 1) * shape.channels();
    int blocks = shape.batch() * timeBlocks(shape);
    int columns = Rows.foldColumns(blocks);
    int from = task * columns;
    View workspace = conv.workspace();
    long start = workspace.offset() + from;
    loops.fold(CpuStorage.of(workspace), start, sums, blocks, Math.min(columns, sums - from));
  }

  private void storeTapGradients(Backward conv) {
    Shape shape = conv.shape();
    MemorySegment sums = CpuStorage.of(conv.workspace());
    long start = conv.workspace().offset();
    Sink taps = conv.tapsGrad();
    for (int j = 0; taps != null && j < shape.width(); j++) {
      MemorySegment target = CpuStorage.of(taps.view());
      long from = start + (long) j * shape.channels();
      loops.scale(1, sums, from, target, row(taps.view(), j), shape.channels(), taps.add());
    }
    Sink bias = conv.biasGrad();
    if (bias != null) {
      long from = start + (long) shape.width() * shape.channels();
      MemorySegment target = CpuStorage.of(bias.view());
      loops.scale(1, sums, from, target, bias.view().offset(), shape.channels(), bias.add());
    }
  }
}
