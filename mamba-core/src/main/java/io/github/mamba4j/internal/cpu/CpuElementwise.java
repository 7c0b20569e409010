package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;
import static io.github.mamba4j.internal.cpu.Tiles.spanLength;
import static io.github.mamba4j.internal.cpu.Tiles.spanStart;

import io.github.mamba4j.spi.ElementwiseKernels;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Functions of one or two elements and sums along an axis. Functions are cut as {@link Tiles} says.
 * Sums down the columns go block of rows by block of rows into the workspace and then over the
 * blocks in pairs; sums along rows go block of columns by block of columns and then over the blocks
 * in double precision.
 */
abstract class CpuElementwise implements ElementwiseKernels {
  /** Functions and derivatives of one element. */
  enum Function {
    EXP,
    NEGATE,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
    MINUS_ONE,
    SIGMOID_SLOPE,
    SILU_SLOPE,
    TANH_SLOPE
  }

  /** Rows that one task sums down its columns. */
  private static final int BLOCK_ROWS = 32;

  /** Rows that one task transposes: those of a few cache lines of the result. */
  private static final int TRANSPOSED_ROWS = 64;

  /** Elements that are summed in floats, in several lanes, before doubles take over. */
  private static final int FLOAT_SUM = 2048;

  /** The arguments of a fill. */
  private static final class FillCall {
    private @Nullable View out;
    private int rows;
    private int cols;
    private float value;
  }

  private final WorkerPool pool;
  private final Rows loops;
  private final Spare<FillCall> spare = new Spare<>(FillCall::new);
  private final WorkerPool.Body<Map> mapTask = this::mapTask;
  private final WorkerPool.Body<MapBackward> mapBackwardTask = this::mapBackwardTask;
  private final WorkerPool.Body<Combine> combineTask = this::combineTask;
  private final WorkerPool.Body<Scale> scaleTask = this::scaleTask;
  private final WorkerPool.Body<Transpose> transposeTask = this::transposeTask;
  private final WorkerPool.Body<Decay> decayTask = this::decayTask;
  private final WorkerPool.Body<DecayBackward> decayBackwardTask = this::decayBackwardTask;
  private final WorkerPool.Body<FillCall> fillTask = this::fillTask;
  private final WorkerPool.Body<Sum> columnsBlock = this::columnsBlock;
  private final WorkerPool.Body<Sum> columnsFold = this::columnsFold;
  private final WorkerPool.Body<Sum> rowsTask = this::rowsTask;

  CpuElementwise(WorkerPool pool, Rows loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /**
   * {@code y = f(x)}.
   *
   * @param function f
   * @param x memory read
   * @param xStart its first element
   * @param y memory written; may be the same elements
   * @param yStart its first element
   * @param n number of elements
   */
  abstract void apply(
      Function function, MemorySegment x, long xStart, MemorySegment y, long yStart, int n);

  /**
   * Transposes some rows, overwriting the result.
   *
   * @param transpose what to compute
   * @param first the first row
   * @param rows how many
   * @param scratch the worker's memory
   */
  abstract void transpose(Transpose transpose, int first, int rows, Scratch scratch);

  private static Function valueOf(Unary function) {
    return switch (function) {
      case EXP -> Function.EXP;
      case NEGATE -> Function.NEGATE;
      case SIGMOID -> Function.SIGMOID;
      case SILU -> Function.SILU;
      case SOFTPLUS -> Function.SOFTPLUS;
      case TANH -> Function.TANH;
    };
  }

  private static Function slopeOf(Unary function) {
    return switch (function) {
      case EXP -> Function.EXP;
      case NEGATE -> Function.MINUS_ONE;
      case SIGMOID -> Function.SIGMOID_SLOPE;
      case SILU -> Function.SILU_SLOPE;
      case SOFTPLUS -> Function.SIGMOID;
      case TANH -> Function.TANH_SLOPE;
    };
  }

  @Override
  public final void map(Map map) {
    boolean flat = Tiles.flat(map.rows(), map.cols(), map.x(), map.x(), map.out().view());
    pool.forEach(Tiles.tasks(map.rows(), map.cols(), flat), map, mapTask);
  }

  private void mapTask(Map map, int task, Scratch scratch) {
    View out = map.out().view();
    boolean flat = Tiles.flat(map.rows(), map.cols(), map.x(), map.x(), out);
    int perTask = Tiles.spansPerTask(map.cols(), flat);
    long end = Math.min(Tiles.spans(map.rows(), map.cols(), flat), (task + 1L) * perTask);
    for (long span = (long) task * perTask; span < end; span++) {
      int n = spanLength(map.rows(), map.cols(), flat, span);
      mapSpan(map, spanStart(map.x(), flat, span), spanStart(out, flat, span), n, scratch);
    }
  }

  private void mapSpan(Map map, long x, long out, int n, Scratch scratch) {
    MemorySegment source = CpuStorage.of(map.x());
    MemorySegment target = CpuStorage.of(map.out().view());
    Function function = valueOf(map.function());
    if (map.out().add()) {
      MemorySegment values = scratch.floats(n);
      apply(function, source, x, values, 0, n);
      loops.scale(1, values, 0, target, out, n, true);
    } else {
      apply(function, source, x, target, out, n);
    }
  }

  @Override
  public final void mapBackward(MapBackward map) {
    boolean flat = Tiles.flat(map.rows(), map.cols(), map.x(), map.outGrad(), map.xGrad().view());
    pool.forEach(Tiles.tasks(map.rows(), map.cols(), flat), map, mapBackwardTask);
  }

  private void mapBackwardTask(MapBackward map, int task, Scratch scratch) {
    View grad = map.outGrad();
    View out = map.xGrad().view();
    boolean flat = Tiles.flat(map.rows(), map.cols(), map.x(), grad, out);
    int perTask = Tiles.spansPerTask(map.cols(), flat);
    long end = Math.min(Tiles.spans(map.rows(), map.cols(), flat), (task + 1L) * perTask);
    for (long span = (long) task * perTask; span < end; span++) {
      int n = spanLength(map.rows(), map.cols(), flat, span);
      MemorySegment slopes = scratch.floats(n);
      MemorySegment source = CpuStorage.of(map.x());
      apply(slopeOf(map.function()), source, spanStart(map.x(), flat, span), slopes, 0, n);
      MemorySegment grads = CpuStorage.of(grad);
      long start = spanStart(grad, flat, span);
      MemorySegment target = CpuStorage.of(out);
      boolean add = map.xGrad().add();
      loops.product(slopes, 0, grads, start, target, spanStart(out, flat, span), n, add);
    }
  }

  @Override
  public final void combine(Combine combine) {
    View out = combine.out().view();
    boolean flat = Tiles.flat(combine.rows(), combine.cols(), combine.a(), combine.b(), out);
    pool.forEach(Tiles.tasks(combine.rows(), combine.cols(), flat), combine, combineTask);
  }

  private void combineTask(Combine combine, int task, Scratch scratch) {
    View out = combine.out().view();
    boolean flat = Tiles.flat(combine.rows(), combine.cols(), combine.a(), combine.b(), out);
    int perTask = Tiles.spansPerTask(combine.cols(), flat);
    long end = Math.min(Tiles.spans(combine.rows(), combine.cols(), flat), (task + 1L) * perTask);
    for (long span = (long) task * perTask; span < end; span++) {
      int n = spanLength(combine.rows(), combine.cols(), flat, span);
      long a = spanStart(combine.a(), flat, span);
      long b = spanStart(combine.b(), flat, span);
      combineSpan(combine, a, b, spanStart(out, flat, span), n);
    }
  }

  private void combineSpan(Combine combine, long a, long b, long out, int n) {
    MemorySegment left = CpuStorage.of(combine.a());
    MemorySegment right = CpuStorage.of(combine.b());
    MemorySegment target = CpuStorage.of(combine.out().view());
    boolean add = combine.out().add();
    if (combine.function() == Binary.MULTIPLY) {
      loops.product(left, a, right, b, target, out, n, add);
      return;
    }
    float sign = combine.function() == Binary.ADD ? 1 : -1;
    if (add) {
      loops.scale(1, left, a, target, out, n, true);
      loops.scale(sign, right, b, target, out, n, true);
    } else {
      loops.sum(left, a, sign, right, b, target, out, n);
    }
  }

  @Override
  public final void scale(Scale scale) {
    boolean flat = Tiles.flat(scale.rows(), scale.cols(), scale.x(), scale.x(), scale.out().view());
    pool.forEach(Tiles.tasks(scale.rows(), scale.cols(), flat), scale, scaleTask);
  }

  private void scaleTask(Scale scale, int task, Scratch scratch) {
    View x = scale.x();
    View out = scale.out().view();
    View factorView = scale.scale();
    float factor = scale.factor();
    if (factorView != null) {
      factor *= CpuStorage.get(CpuStorage.of(factorView), factorView.offset());
    }
    boolean flat = Tiles.flat(scale.rows(), scale.cols(), x, x, out);
    int perTask = Tiles.spansPerTask(scale.cols(), flat);
    long end = Math.min(Tiles.spans(scale.rows(), scale.cols(), flat), (task + 1L) * perTask);
    MemorySegment source = CpuStorage.of(x);
    MemorySegment target = CpuStorage.of(out);
    for (long span = (long) task * perTask; span < end; span++) {
      int n = spanLength(scale.rows(), scale.cols(), flat, span);
      long start = spanStart(x, flat, span);
      loops.scale(factor, source, start, target, spanStart(out, flat, span), n, scale.out().add());
    }
  }

  @Override
  public final void transpose(Transpose transpose) {
    CpuStorage.requireInside(transpose.x(), transpose.rows(), transpose.cols());
    CpuStorage.requireInside(transpose.out(), transpose.cols(), transpose.rows());
    pool.forEach(Tiles.tasks(transpose.rows(), TRANSPOSED_ROWS), transpose, transposeTask);
  }

  private void transposeTask(Transpose transpose, int task, Scratch scratch) {
    int first = task * TRANSPOSED_ROWS;
    int rows = Math.min(TRANSPOSED_ROWS, transpose.rows() - first);
    if (!transpose.out().add()) {
      transpose(transpose, first, rows, scratch);
      return;
    }
    View x = transpose.x();
    View out = transpose.out().view();
    MemorySegment source = CpuStorage.of(x);
    MemorySegment target = CpuStorage.of(out);
    for (int j = 0; j < transpose.cols(); j++) {
      for (int i = first; i < first + rows; i++) {
        float sum = CpuStorage.get(target, row(out, j) + i) + CpuStorage.get(source, row(x, i) + j);
        CpuStorage.set(target, row(out, j) + i, sum);
      }
    }
  }

  @Override
  public final void decay(Decay decay) {
    pool.forEach(Tiles.tasks(decay.rows(), TRANSPOSED_ROWS), decay, decayTask);
  }

  private void decayTask(Decay decay, int task, Scratch scratch) {
    int first = task * TRANSPOSED_ROWS;
    int end = Math.min(first + TRANSPOSED_ROWS, decay.rows());
    if (!decay.out().add()) {
      exchange(decay.x(), decay.out().view(), first, end, 0, decay.cols(), true);
      return;
    }
    MemorySegment source = CpuStorage.of(decay.x());
    for (int i = first; i < end; i++) {
      long x = row(decay.x(), i);
      for (int j = 0; j < decay.cols(); j++) {
        put(decay.out(), j, i, -ScalarMath.exp(CpuStorage.get(source, x + j)));
      }
    }
  }

  /**
   * Transposes the elements of some rows and columns, or what {@link Decay} makes of them. Over
   * arrays and without vectors: a model's first token waits for it, see {@link ArrayDots}.
   */
  static void exchange(
      View x, View y, int firstRow, int endRow, int firstCol, int endCol, boolean decay) {
    int rows = endRow - firstRow;
    int cols = endCol - firstCol;
    if (rows <= 0 || cols <= 0) {
      return;
    }
    float[] turned = ArrayRows.room(1, rows * cols);
    for (int i = 0; i < rows; i++) {
      long from = row(x, firstRow + i) + firstCol;
      float[] values = ArrayRows.read(0, CpuStorage.of(x), from, cols);
      turn(values, cols, turned, i, rows, decay);
    }
    for (int j = 0; j < cols; j++) {
      long to = (row(y, firstCol + j) + firstRow) << 2;
      MemorySegment.copy(turned, j * rows, CpuStorage.of(y), CpuStorage.FLOAT, to, rows);
    }
  }

  private static void turn(
      float[] row, int cols, float[] turned, int at, int stride, boolean decay) {
    for (int j = 0; j < cols; j++) {
      // The exponential has the bits of the loops over vectors.
      turned[j * stride + at] = decay ? -ScalarMath.exp(row[j]) : row[j];
    }
  }

  @Override
  public final void decayBackward(DecayBackward decay) {
    pool.forEach(Tiles.tasks(decay.rows(), TRANSPOSED_ROWS), decay, decayBackwardTask);
  }

  private void decayBackwardTask(DecayBackward decay, int task, Scratch scratch) {
    int first = task * TRANSPOSED_ROWS;
    int n = Math.min(TRANSPOSED_ROWS, decay.rows() - first);
    MemorySegment rates = CpuStorage.of(decay.out());
    MemorySegment grads = CpuStorage.of(decay.outGrad());
    MemorySegment values = scratch.floats(n);
    for (int j = 0; j < decay.cols(); j++) {
      long rate = row(decay.out(), j) + first;
      loops.product(rates, rate, grads, row(decay.outGrad(), j) + first, values, 0, n, false);
      for (int i = 0; i < n; i++) {
        put(decay.xGrad(), first + i, j, CpuStorage.get(values, i));
      }
    }
  }

  private static void put(Sink sink, long row, long col, float value) {
    MemorySegment target = CpuStorage.of(sink.view());
    long at = row(sink.view(), row) + col;
    CpuStorage.set(target, at, sink.add() ? CpuStorage.get(target, at) + value : value);
  }

  @Override
  public final void fill(View out, int rows, int cols, float value) {
    FillCall call = spare.take();
    call.out = out;
    call.rows = rows;
    call.cols = cols;
    call.value = value;
    try {
      pool.forEach(Tiles.tasks(rows, cols, Tiles.flat(rows, cols, out, out, out)), call, fillTask);
    } finally {
      call.out = null;
      spare.giveBack(call);
    }
  }

  private void fillTask(FillCall call, int task, Scratch scratch) {
    View out = call.out;
    if (out == null) {
      return;
    }
    boolean flat = Tiles.flat(call.rows, call.cols, out, out, out);
    int perTask = Tiles.spansPerTask(call.cols, flat);
    long end = Math.min(Tiles.spans(call.rows, call.cols, flat), (task + 1L) * perTask);
    for (long span = (long) task * perTask; span < end; span++) {
      int n = spanLength(call.rows, call.cols, flat, span);
      loops.fill(call.value, CpuStorage.of(out), spanStart(out, flat, span), n);
    }
  }

  @Override
  public final long sumWorkspaceFloats(Axis axis, int rows, int cols) {
    return switch (axis) {
      case ROWS -> (long) Tiles.tasks(rows, BLOCK_ROWS) * cols;
      case COLUMNS -> (long) Tiles.tasks(cols, Tiles.SPAN) * rows;
    };
  }

  @Override
  public final void sum(Sum sum) {
    switch (sum.axis()) {
      case ROWS -> {
        int blocks = Tiles.tasks(sum.rows(), BLOCK_ROWS);
        pool.forEach(blocks, sum, columnsBlock);
        pool.forEach(Tiles.tasks(sum.cols(), Rows.foldColumns(blocks)), sum, columnsFold);
      }
      case COLUMNS -> sumAlongRows(sum);
    }
  }

  private void columnsBlock(Sum sum, int block, Scratch scratch) {
    MemorySegment x = CpuStorage.of(sum.x());
    MemorySegment partials = CpuStorage.of(sum.workspace());
    long partial = sum.workspace().offset() + (long) block * sum.cols();
    long first = (long) block * BLOCK_ROWS;
    long end = Math.min(sum.rows(), first + BLOCK_ROWS);
    for (long r = first; r < end; r++) {
      loops.scale(1, x, row(sum.x(), r), partials, partial, sum.cols(), r > first);
    }
  }

  private void columnsFold(Sum sum, int task, Scratch scratch) {
    int blocks = Tiles.tasks(sum.rows(), BLOCK_ROWS);
    int columns = Rows.foldColumns(blocks);
    int from = task * columns;
    int n = Math.min(columns, sum.cols() - from);
    MemorySegment partials = CpuStorage.of(sum.workspace());
    long start = sum.workspace().offset() + from;
    loops.fold(partials, start, sum.cols(), blocks, n);
    View out = sum.out().view();
    loops.scale(
        sum.factor(), partials, start, CpuStorage.of(out), out.offset() + from, n, sum.out().add());
  }

  private void sumAlongRows(Sum sum) {
    int blocks = Tiles.tasks(sum.cols(), Tiles.SPAN);
    int perTask = Tiles.spansPerTask(sum.cols(), false);
    pool.forEach(Tiles.tasks((long) sum.rows() * blocks, perTask), sum, rowsTask);
    MemorySegment partials = CpuStorage.of(sum.workspace());
    MemorySegment out = CpuStorage.of(sum.out().view());
    long partial = sum.workspace().offset();
    long target = sum.out().view().offset();
    for (long r = 0; r < sum.rows(); r++) {
      double total = 0;
      for (long i = r * blocks; i < (r + 1) * blocks; i++) {
        total += CpuStorage.get(partials, partial + i);
      }
      float before = sum.out().add() ? CpuStorage.get(out, target + r) : 0;
      CpuStorage.set(out, target + r, before + (float) (total * sum.factor()));
    }
  }

  /** Sums some spans of rows; they are counted row by row, blocks of columns within. */
  private void rowsTask(Sum sum, int task, Scratch scratch) {
    MemorySegment x = CpuStorage.of(sum.x());
    MemorySegment partials = CpuStorage.of(sum.workspace());
    int blocks = Tiles.tasks(sum.cols(), Tiles.SPAN);
    int perTask = Tiles.spansPerTask(sum.cols(), false);
    long end = Math.min((long) sum.rows() * blocks, (task + 1L) * perTask);
    for (long i = (long) task * perTask; i < end; i++) {
      int from = (int) (i % blocks) * Tiles.SPAN;
      int n = Math.min(Tiles.SPAN, sum.cols() - from);
      long start = row(sum.x(), i / blocks) + from;
      float total = blocks == 1 && sum.rows() == 1 ? smallSum(x, start, n) : sum(x, start, n);
      CpuStorage.set(partials, sum.workspace().offset() + i, total);
    }
  }

  /**
   * Sums one short row without vectors. A training step needs one such sum, so a vector loop would
   * be interpreted, with its vectors on the heap, for the first thousands of steps.
   */
  private static float smallSum(MemorySegment x, long start, int n) {
    return ScalarRows.sumSpan(x, start, n);
  }

  private float sum(MemorySegment x, long start, int n) {
    double total = 0;
    for (int at = 0; at < n; at += FLOAT_SUM) {
      total += loops.sum(x, start + at, Math.min(FLOAT_SUM, n - at));
    }
    return (float) total;
  }
}
