package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.MatmulKernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products: how they are cut into tasks. Subclasses give the inner loops.
 *
 * <p>The scheme is that of Goto and van de Geijn (2008) with the roles of registers and caches as
 * in BLIS (Van Zee and van de Geijn 2015). The right factor is packed, a part at a time, into
 * strips that are a few vectors wide and hold one row of the strip after the other, so that the
 * tile kernel reads them front to back. A strip's first row is what its sums start from: the bias,
 * or zeros. A task computes some rows of some columns: for each six rows it passes over the packed
 * strips, the six rows' stretch of the left factor staying in the L1 cache and the task's strips in
 * L2. The left factor is read where it lies, six rows side by side, unless it is stored transposed;
 * then its rows are turned first.
 *
 * <p>With few rows there is nothing to keep in registers, and packing would cost more than the
 * product: if the right factor is stored as {@code [n, k]}, each element of the result is the dot
 * product of two contiguous rows, several at a time. The order of its sum does not depend on the
 * number of rows then.
 *
 * <p>Parts depend on the shape alone, and tasks split rows and columns, never a sum within a part,
 * so results do not depend on the number of threads.
 */
abstract class CpuMatmul implements MatmulKernels {
  /** Rows of a register tile. */
  static final int TILE_ROWS = 6;

  /** Bytes of a cache line. */
  private static final int LINE = 64;

  /** Longest stretch of the sums that is packed at a time: six rows of it fit L1. */
  private static final int MAX_DEPTH = 1024;

  /**
   * Floats of the right factor that are packed at a time: 4.25 MiB, so that 1,024 columns of 1,024
   * steps are one part, for which the left factor is turned once.
   */
  static final long PACKED_FLOATS = (1L << 20) + (1L << 16);

  /** Floats of the packed strips that a task passes over again and again, half of L2. */
  private static final int L2_FLOATS = 1 << 17;

  private static final int MAX_ROWS_PER_TASK = 96;

  /** The same where a task turns its rows first: L2 has to hold them beside the strips. */
  private static final int MAX_TURNED_ROWS = 48;

  /** As many tasks as possible up to this where each turns its rows again. */
  private static final int ENOUGH_TURNED_TASKS = 16;

  /** Steps of the left factor that are turned together: a cache line of each turned row. */
  static final int TURN_STEPS = LINE / Float.BYTES;

  /** As many tasks as possible up to this, for balance, if they do not get smaller than below. */
  private static final int ENOUGH_TASKS = 32;

  private static final long MIN_TASK_PRODUCTS = 1 << 19;
  private static final int PACK_TASK_FLOATS = 1 << 15;

  /** Least bytes of the right factor that a task of dot products reads. */
  private static final int MIN_DOT_BYTES = 1 << 16;

  /** Tasks of dot products for each thread, for balance: few, because each starts new streams. */
  private static final int DOT_TASKS = 4;

  /** Most rows for which a product with a transposed right factor is made of dot products. */
  static final int MAX_DOT_ROWS = 16;

  private final WorkerPool pool;
  private final int lanes;
  private final int stripVectors;
  private final ArrayDeque<MatmulCall> idle = new ArrayDeque<>();

  /**
   * Prepares for a kind of kernel.
   *
   * @param pool the threads
   * @param lanes columns of the narrowest strip
   * @param stripVectors how many times wider the widest strip is, a power of two
   */
  CpuMatmul(WorkerPool pool, int lanes, int stripVectors) {
    this.pool = pool;
    this.lanes = lanes;
    this.stripVectors = stripVectors;
  }

  /**
   * Computes a register tile: {@link #TILE_ROWS} rows and {@code width} columns of the sums of the
   * call's present part.
   *
   * @param call the product
   * @param tile which tile
   * @param sums where to leave the sums, a dense matrix with {@code width} columns; rows that do
   *     not exist may get any value
   * @param width columns of the strip, a power of two times the number of lanes
   */
  abstract void tile(MatmulCall call, RegisterTile tile, MemorySegment sums, int width);

  /** Returns the worker's memory for the sums of a tile, to be given back after the task. */
  abstract MemorySegment claimSums(Scratch scratch, int floats);

  /** Gives memory for sums back. */
  abstract void releaseSums(MemorySegment sums);

  /** Returns memory for packed strips, to be given back after the product; null for none. */
  abstract @Nullable MemorySegment claimStrips();

  /** Gives memory for strips back. */
  abstract void releaseStrips(MemorySegment strips);

  /**
   * Brings a finished tile to the result: replaces what is there or adds to it.
   *
   * @param call the product
   * @param sums the tile, a dense matrix with {@code width} columns
   * @param outOffset where it goes in the result, in bytes
   * @param rows how many of its rows exist
   * @param width its columns
   * @param columns how many of them exist
   */
  abstract void merge(
      MatmulCall call, MemorySegment sums, long outOffset, int rows, int width, int columns);

  /**
   * Computes some columns of an item's result as dot products of rows of both factors.
   *
   * @param call the product; the right factor is stored transposed, the left is not
   * @param item which matrix of the batch
   * @param from first column
   * @param to end of the columns
   * @param scratch the worker's memory
   */
  abstract void dots(MatmulCall call, int item, int from, int to, Scratch scratch);

  /**
   * Turns the present steps of rows of a left factor that is stored transposed: a row's steps lie
   * side by side then, the rows {@code tileRowBytes} apart.
   *
   * @param call the product
   * @param source where the first row's first step is in the left factor, in bytes
   * @param rows how many rows
   * @param to the worker's memory, whose first {@link #transposeFloats} may be used, too
   * @param target where the first row goes there, in bytes
   */
  abstract void turn(MatmulCall call, long source, int rows, MemorySegment to, long target);

  /**
   * Packs some steps of a strip of a right factor that is stored as it is, row after row.
   *
   * @param call the product
   * @param source where the first row starts in the right factor, in bytes
   * @param target where the dense matrix starts in the packed memory, in bytes
   * @param width columns of the target
   * @param columns columns of the source; the target's others become zero
   * @param steps how many rows
   */
  abstract void copy(MatmulCall call, long source, long target, int width, int columns, int steps);

  /**
   * Packs a strip of a right factor that is stored transposed: row j of the source becomes column j
   * of a dense matrix with as many rows as the present part has steps.
   *
   * @param call the product
   * @param from memory of the source, 32-bit floats
   * @param source where its first row starts, in bytes
   * @param stride distance of its rows, in bytes
   * @param target where the dense matrix starts in the packed memory, in bytes
   * @param width columns of the target
   * @param columns rows of the source; the target's other columns become zero
   * @param scratch the worker's memory, of which {@link #transposeFloats} are used
   */
  abstract void transpose(
      MatmulCall call,
      MemorySegment from,
      long source,
      long stride,
      long target,
      int width,
      int columns,
      Scratch scratch);

  /** Returns how much of the worker's memory a transposition uses, from its start. */
  abstract int transposeFloats();

  /**
   * Widens elements of the right factor, whole blocks, to 32-bit floats.
   *
   * @param call the product
   * @param first the first element in the right factor's memory
   * @param n how many
   * @param to where to leave them
   * @param target where the first goes there, in bytes
   */
  abstract void widen(MatmulCall call, long first, int n, MemorySegment to, long target);

  @Override
  public final int batchInvariantRows() {
    return MAX_DOT_ROWS;
  }

  @Override
  public final void matmul(Product product) {
    assert product.a().view().type() == DType.F32 && product.out().view().type() == DType.F32;
    MatmulCall call = take();
    try {
      call.open(product);
      call.requireInside();
      if (isDots(product)) {
        runDots(call);
      } else {
        runBlocked(call);
      }
    } finally {
      if (call.packed.byteSize() > 0) {
        releaseStrips(call.packed);
      }
      call.release();
      put(call);
    }
  }

  /** Whether a product has few rows and is made of dot products. */
  static boolean isDots(Product product) {
    return product.shape().m() <= MAX_DOT_ROWS
        && product.b().transposed()
        && !product.a().transposed();
  }

  private MatmulCall take() {
    synchronized (idle) {
      MatmulCall call = idle.poll();
      return call == null ? new MatmulCall(this) : call;
    }
  }

  private void put(MatmulCall call) {
    synchronized (idle) {
      idle.push(call);
    }
  }

  private void runDots(MatmulCall call) {
    // The cut may depend on the number of threads: each sum is made in one task.
    int least = (int) (MIN_DOT_BYTES / Math.max(1, call.bType.bytes(call.bStride))) + 1;
    int fair = ceilDiv(call.n * call.batch, DOT_TASKS * pool.threads());
    call.columnsPerTile = Math.min(call.n, roundUp(Math.max(least, fair), 8));
    call.columnTiles = ceilDiv(call.n, call.columnsPerTile);
    pool.forEach(call.batch * call.columnTiles, call, CpuMatmul::dotTask);
  }

  private static void dotTask(MatmulCall call, int index, Scratch scratch) {
    call.requireInUse();
    int from = index % call.columnTiles * call.columnsPerTile;
    int to = Math.min(call.n, from + call.columnsPerTile);
    call.kernels.dots(call, index / call.columnTiles, from, to, scratch);
  }

  private void runBlocked(MatmulCall call) {
    int strip = lanes * stripVectors;
    int depth = roundUp(ceilDiv(call.k, ceilDiv(call.k, MAX_DEPTH)), call.bType.blockElements());
    int padded = roundUp(call.n, lanes);
    int columns = (int) Math.min(padded, PACKED_FLOATS / (depth + 1) / strip * strip);
    int items = Math.clamp(PACKED_FLOATS / (padded * (depth + 1L)), 1, call.batch);
    call.reserve((long) items * columns * (depth + 1), claimStrips());
    for (int item = 0; item < call.batch; item += items) {
      call.firstItem = item;
      call.items = Math.min(items, call.batch - item);
      for (int column = 0; column < call.n; column += columns) {
        call.firstColumn = column;
        call.columns = Math.min(columns, call.n - column);
        for (int step = 0; step < call.k; step += depth) {
          call.firstStep = step;
          call.depth = Math.min(depth, call.k - step);
          call.add = call.outAdd || step > 0;
          runPart(call);
        }
      }
    }
  }

  private void runPart(MatmulCall call) {
    int strip = lanes * stripVectors;
    int packed = call.bBatchStride == 0 ? 1 : call.items;
    // Along the rows as they are stored, so that the hardware can prefetch.
    int across = call.bTransposed ? call.depth : call.columns;
    int along = ceilDiv(PACK_TASK_FLOATS, across);
    call.columnsPerPack = call.bTransposed ? roundUp(along, strip) : call.columns;
    call.stepsPerPack = call.bTransposed ? call.depth : along;
    int tasks =
        packed
            * ceilDiv(call.columns, call.columnsPerPack)
            * ceilDiv(call.depth, call.stepsPerPack);
    pool.forEach(tasks, call, CpuMatmul::packTask);

    // A cache line more than the steps: rows at a power of two share few sets of L1.
    long turnedRow = roundUp(call.depth, LINE / Float.BYTES) * (long) Float.BYTES + LINE;
    call.tileRowBytes = call.aTransposed ? turnedRow : call.aRowBytes;
    call.tileStepBytes = Float.BYTES;
    cutTiles(call);
    pool.forEach(call.items * call.rowTiles * call.columnTiles, call, CpuMatmul::tileTask);
  }

  private void cutTiles(MatmulCall call) {
    int strip = lanes * stripVectors;
    call.rowTiles = ceilDiv(call.m, call.aTransposed ? MAX_TURNED_ROWS : MAX_ROWS_PER_TASK);
    call.rowsPerTile = roundUp(ceilDiv(call.m, call.rowTiles), TILE_ROWS);
    call.rowTiles = ceilDiv(call.m, call.rowsPerTile);
    call.columnsPerPass = Math.max(strip, L2_FLOATS / call.depth / strip * strip);
    int tasks = call.items * call.rowTiles;
    int least =
        roundUp((int) (MIN_TASK_PRODUCTS / ((long) call.rowsPerTile * call.depth)) + 1, strip);
    if (call.aTransposed) {
      int tiles = ceilDiv(ENOUGH_TURNED_TASKS, tasks);
      int fair = roundUp(ceilDiv(call.columns, tiles), call.columnsPerPass);
      call.columnsPerTile = Math.max(fair, least);
    } else {
      int tiles = ceilDiv(ENOUGH_TASKS, tasks);
      int fair = roundUp(ceilDiv(call.columns, tiles), strip);
      call.columnsPerTile =
          Math.clamp(fair, Math.min(least, call.columnsPerPass), call.columnsPerPass);
    }
    call.columnTiles = ceilDiv(call.columns, call.columnsPerTile);
  }

  private static void packTask(MatmulCall call, int index, Scratch scratch) {
    call.requireInUse();
    int columnPacks = ceilDiv(call.columns, call.columnsPerPack);
    int stepPacks = ceilDiv(call.depth, call.stepsPerPack);
    int column = index % columnPacks * call.columnsPerPack;
    int rest = index / columnPacks;
    int step = rest % stepPacks * call.stepsPerPack;
    call.kernels.packStrips(call, rest / stepPacks, column, step, scratch);
  }

  private void packStrips(MatmulCall call, int item, int fromColumn, int step, Scratch scratch) {
    int toColumn = Math.min(call.columns, fromColumn + call.columnsPerPack);
    int steps = Math.min(call.stepsPerPack, call.depth - step);
    long base = item * call.packedBytes(roundUp(call.columns, lanes));
    long source = call.bOffset + (call.firstItem + item) * call.bBatchStride;
    int width;
    for (int column = fromColumn; column < toColumn; column += width) {
      width = stripWidth(call.columns - column);
      int columns = Math.min(width, call.columns - column);
      long strip = base + call.packedBytes(column);
      if (step == 0) {
        packFirstRow(call, column, strip, width, columns);
      }
      long to = strip + (step + 1L) * width * Float.BYTES;
      long i = (long) call.firstStep + step;
      long j = (long) call.firstColumn + column;
      if (call.bTransposed) {
        packTransposed(call, source + j * call.bStride + i, to, width, columns, scratch);
      } else if (call.bType != DType.F32) {
        widenSteps(call, source + i * call.bStride + j, to >> 2, width, columns, steps);
      } else {
        copy(call, (source + i * call.bStride + j) << 2, to, width, columns, steps);
      }
    }
  }

  private void packTransposed(
      MatmulCall call, long first, long to, int width, int columns, Scratch scratch) {
    if (call.bType == DType.F32) {
      transpose(call, call.b, first << 2, call.bStride << 2, to, width, columns, scratch);
      return;
    }
    long room = (long) transposeFloats() * Float.BYTES;
    long rowBytes = (long) call.depth * Float.BYTES;
    MemorySegment rows = scratch.floats(transposeFloats() + (long) columns * call.depth);
    for (int j = 0; j < columns; j++) {
      widen(call, first + j * call.bStride, call.depth, rows, room + j * rowBytes);
    }
    transpose(call, rows, room, rowBytes, to, width, columns, scratch);
  }

  private static void widenSteps(
      MatmulCall call, long first, long to, int width, int columns, int steps) {
    for (int p = 0; p < steps; p++) {
      for (int j = 0; j < width; j++) {
        float value = j < columns ? right(call, first + p * call.bStride + j) : 0;
        CpuStorage.set(call.packed, to + (long) p * width + j, value);
      }
    }
  }

  private static void packFirstRow(MatmulCall call, int column, long to, int width, int columns) {
    MemorySegment bias = call.firstStep == 0 ? call.bias : null;
    long first = (call.biasOffset >> 2) + call.firstColumn + column;
    for (int i = 0; i < width; i++) {
      float value = bias != null && i < columns ? CpuStorage.get(bias, first + i) : 0;
      CpuStorage.set(call.packed, (to >> 2) + i, value);
    }
  }

  /** Returns how wide the next strip is if so many columns are left. */
  private int stripWidth(int left) {
    int vectors = ceilDiv(left, lanes);
    return lanes * Math.min(stripVectors, Integer.highestOneBit(vectors));
  }

  private static void tileTask(MatmulCall call, int index, Scratch scratch) {
    call.requireInUse();
    int columnTile = index % call.columnTiles;
    int rest = index / call.columnTiles;
    int fromRow = rest % call.rowTiles * call.rowsPerTile;
    int item = rest / call.rowTiles;
    int column = columnTile * call.columnsPerTile;
    call.kernels.tiles(call, item, fromRow, column, scratch);
  }

  private void tiles(MatmulCall call, int item, int fromRow, int fromColumn, Scratch scratch) {
    int toRow = Math.min(call.m, fromRow + call.rowsPerTile);
    int toColumn = Math.min(call.columns, fromColumn + call.columnsPerTile);
    long left = call.leftAt(call.firstItem + item, fromRow) + call.firstStep * call.aStepBytes;
    RegisterTile tile = scratch.tile;
    if (call.aTransposed) {
      // The worker's memory begins with what a transposition uses, or the sums.
      long room = Math.max(transposeFloats(), sumFloats());
      long rowFloats = call.tileRowBytes / Float.BYTES;
      tile.left = scratch.floats(room + (toRow - fromRow) * rowFloats);
      turn(call, left, toRow - fromRow, tile.left, room * Float.BYTES);
      left = room * Float.BYTES;
    } else {
      tile.left = call.a;
    }
    MemorySegment sums = claimSums(scratch, sumFloats());
    try {
      for (int column = fromColumn; column < toColumn; column += call.columnsPerPass) {
        int end = Math.min(toColumn, column + call.columnsPerPass);
        tile.leftAt = left;
        tiles(call, item, fromRow, toRow, column, end, sums, tile);
      }
    } finally {
      tile.release();
      releaseSums(sums);
    }
  }

  private int sumFloats() {
    return TILE_ROWS * stripVectors * lanes;
  }

  private void tiles(
      MatmulCall call,
      int item,
      int fromRow,
      int toRow,
      int fromColumn,
      int toColumn,
      MemorySegment sums,
      RegisterTile tile) {
    long left = tile.leftAt;
    int packedItem = call.bBatchStride == 0 ? 0 : item;
    long strips = packedItem * call.packedBytes(roundUp(call.columns, lanes));
    for (int row = fromRow; row < toRow; row += TILE_ROWS) {
      tile.rows = Math.min(TILE_ROWS, toRow - row);
      tile.leftAt = left + (row - fromRow) * call.tileRowBytes;
      long out = call.outAt(call.firstItem + item, row) + (long) call.firstColumn * Float.BYTES;
      int width;
      for (int column = fromColumn; column < toColumn; column += width) {
        width = stripWidth(call.columns - column);
        int columns = Math.min(width, call.columns - column);
        tile.strip = strips + call.packedBytes(column);
        tile(call, tile, sums, width);
        merge(call, sums, out + (long) column * Float.BYTES, tile.rows, width, columns);
      }
    }
  }

  private static int ceilDiv(int x, int y) {
    return Math.ceilDiv(x, y);
  }

  private static int roundUp(int x, int multiple) {
    return Math.ceilDiv(x, multiple) * multiple;
  }

  /** Returns an element of the right factor, widened if it is stored in fewer bits. */
  static float right(MatmulCall call, long index) {
    return CpuStorage.widened(call.bType, call.b, index);
  }
}
