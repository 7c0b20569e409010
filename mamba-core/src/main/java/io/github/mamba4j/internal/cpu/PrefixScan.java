package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.ScanKernels.PrefixAlgorithm;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The first-order scan {@code h_t = a_t·h_{t−1} + b_t} in three forms.
 *
 * <p>A pair (a, b) stands for the map {@code h ↦ a·h + b}; an earlier pair followed by a later one
 * is {@code (a₁a₀, a₁b₀ + b₁)}, which is associative (Blelloch 1990, section 1.4). Where this class
 * speaks of a step, it counts in the direction of the scan.
 */
final class PrefixScan {
  private static final int COLUMNS = 64;
  private static final int CHUNK = 64;
  private static final int NODES = 32;
  private static final int MAX_LEVELS = 31;

  /** The inner loops, over the columns from col on. Offsets are in floats. */
  interface Columns {
    /** Runs some steps from a row on; the carry is the state before them, then after them. */
    void scan(
        Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset);

    /** Writes the product of a over some steps. */
    void product(
        Prefix scan, long row, int steps, int col, int cols, MemorySegment target, long offset);

    /** Adds what a state before some steps contributes to the states after each of them. */
    void correct(
        Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset);

    /** {@code right ← left then right} for pairs whose b lies a plane after a. */
    void combine(MemorySegment pairs, long left, long right, long plane, int cols);

    /** From the state before both nodes, in right's b: that before left, and before right. */
    void distribute(MemorySegment pairs, long left, long right, long plane, int cols);

    /** {@code out = a·state + b} in one row. */
    void apply(Prefix scan, long row, MemorySegment states, long offset);
  }

  private final WorkerPool pool;
  private final Columns columns;
  private final WorkerPool.Body<Prefix> sequential = this::sequential;
  private final WorkerPool.Body<Prefix> scanChunk = this::scanChunk;
  private final WorkerPool.Body<Prefix> joinChunks = this::joinChunks;
  private final WorkerPool.Body<Prefix> correctChunk = this::correctChunk;
  private final WorkerPool.Body<Prefix> plant = this::plant;
  private final WorkerPool.Body<Prefix> harvest = this::harvest;
  private final List<WorkerPool.Body<Prefix>> up;
  private final List<WorkerPool.Body<Prefix>> down;

  PrefixScan(WorkerPool pool, Columns columns) {
    this.pool = pool;
    this.columns = columns;
    up = IntStream.range(0, MAX_LEVELS).mapToObj(level -> sweep(level, true)).toList();
    down = IntStream.range(0, MAX_LEVELS).mapToObj(level -> sweep(level, false)).toList();
  }

  static long workspaceFloats(int batch, int length, int width, PrefixAlgorithm algorithm) {
    return switch (algorithm) {
      case SEQUENTIAL -> 0;
      case BLELLOCH -> 2L * batch * leaves(length) * width;
      case CHUNKED -> 2L * batch * Math.ceilDiv(length, CHUNK) * width;
    };
  }

  private static int leaves(int length) {
    return length == 1 ? 1 : Integer.highestOneBit(length - 1) << 1;
  }

  void run(Prefix scan) {
    int blocks = scan.batch() * Math.ceilDiv(scan.width(), COLUMNS);
    switch (scan.algorithm()) {
      case SEQUENTIAL -> pool.forEach(blocks, scan, sequential);
      case CHUNKED -> {
        int chunks = Math.ceilDiv(scan.length(), CHUNK);
        pool.forEach(blocks * chunks, scan, scanChunk);
        pool.forEach(blocks, scan, joinChunks);
        pool.forEach(blocks * (chunks - 1), scan, correctChunk);
      }
      case BLELLOCH -> {
        int leaves = leaves(scan.length());
        int levels = Integer.numberOfTrailingZeros(leaves);
        int groups = scan.batch() * Math.ceilDiv(leaves, NODES);
        pool.forEach(groups, scan, plant);
        for (int level = 0; level < levels; level++) {
          pool.forEach(sweepTasks(scan, level), scan, up.get(level));
        }
        plantRoots(scan);
        for (int level = levels - 1; level >= 0; level--) {
          pool.forEach(sweepTasks(scan, level), scan, down.get(level));
        }
        pool.forEach(groups, scan, harvest);
      }
    }
  }

  /** Returns the row of a step. */
  private static long row(Prefix scan, int sequence, int step) {
    int within = scan.reverse() ? scan.length() - 1 - step : step;
    return (long) sequence * scan.length() + within;
  }

  private static int cols(Prefix scan, int block) {
    return Math.min(COLUMNS, scan.width() - block * COLUMNS);
  }

  private static void loadInitial(
      Prefix scan, int sequence, int col, int cols, MemorySegment target, long offset) {
    View initial = scan.initial();
    for (int i = 0; i < cols; i++) {
      float value = 0;
      if (initial != null) {
        long at = initial.offset() + sequence * initial.stride() + col + i;
        value = CpuStorage.get(CpuStorage.of(initial), at);
      }
      CpuStorage.set(target, offset + i, value);
    }
  }

  private void sequential(Prefix scan, int task, Scratch scratch) {
    int blocks = Math.ceilDiv(scan.width(), COLUMNS);
    int sequence = task / blocks;
    int col = task % blocks * COLUMNS;
    int cols = cols(scan, task % blocks);
    MemorySegment carry = scratch.floats(COLUMNS);
    loadInitial(scan, sequence, col, cols, carry, 0);
    columns.scan(scan, row(scan, sequence, 0), scan.length(), col, cols, carry, 0);
  }

  /** Offset of a chunk's last state, then of the state before it; the product lies a plane on. */
  private static long chunkCarry(Prefix scan, int sequence, int chunk, int col) {
    long index = (long) sequence * Math.ceilDiv(scan.length(), CHUNK) + chunk;
    return scan.workspace().offset() + index * scan.width() + col;
  }

  private static long chunkPlane(Prefix scan) {
    return (long) scan.batch() * Math.ceilDiv(scan.length(), CHUNK) * scan.width();
  }

  private void scanChunk(Prefix scan, int task, Scratch scratch) {
    int chunks = Math.ceilDiv(scan.length(), CHUNK);
    int blocks = Math.ceilDiv(scan.width(), COLUMNS);
    int chunk = task % chunks;
    int block = task / chunks % blocks;
    int sequence = task / chunks / blocks;
    int col = block * COLUMNS;
    int cols = cols(scan, block);
    int steps = Math.min(CHUNK, scan.length() - chunk * CHUNK);
    long row = row(scan, sequence, chunk * CHUNK);
    long carry = chunkCarry(scan, sequence, chunk, col);
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    if (chunk == 0) {
      loadInitial(scan, sequence, col, cols, workspace, carry);
    } else {
      for (int i = 0; i < cols; i++) {
        CpuStorage.set(workspace, carry + i, 0);
      }
    }
    columns.scan(scan, row, steps, col, cols, workspace, carry);
    columns.product(scan, row, steps, col, cols, workspace, carry + chunkPlane(scan));
  }

  /** Turns the chunks' last states into the states before them. */
  private void joinChunks(Prefix scan, int task, Scratch scratch) {
    int blocks = Math.ceilDiv(scan.width(), COLUMNS);
    int sequence = task / blocks;
    int col = task % blocks * COLUMNS;
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    for (int i = 0; i < cols(scan, task % blocks); i++) {
      float state = 0;
      for (int chunk = 0; chunk < Math.ceilDiv(scan.length(), CHUNK); chunk++) {
        long at = chunkCarry(scan, sequence, chunk, col) + i;
        float last = CpuStorage.get(workspace, at);
        float product = CpuStorage.get(workspace, at + chunkPlane(scan));
        CpuStorage.set(workspace, at, state);
        state = chunk == 0 ? last : Math.fma(product, state, last);
      }
    }
  }

  private void correctChunk(Prefix scan, int task, Scratch scratch) {
    int chunks = Math.ceilDiv(scan.length(), CHUNK) - 1;
    int blocks = Math.ceilDiv(scan.width(), COLUMNS);
    int chunk = task % chunks + 1;
    int block = task / chunks % blocks;
    int sequence = task / chunks / blocks;
    int col = block * COLUMNS;
    int steps = Math.min(CHUNK, scan.length() - chunk * CHUNK);
    columns.correct(
        scan,
        row(scan, sequence, chunk * CHUNK),
        steps,
        col,
        cols(scan, block),
        CpuStorage.of(scan.workspace()),
        chunkCarry(scan, sequence, chunk, col));
  }

  private static long node(Prefix scan, int sequence, int index) {
    long leaf = (long) sequence * leaves(scan.length()) + index;
    return scan.workspace().offset() + leaf * scan.width();
  }

  private static long plane(Prefix scan) {
    return (long) scan.batch() * leaves(scan.length()) * scan.width();
  }

  /** Copies pairs into the leaves; leaves beyond the last step are the identity. */
  private void plant(Prefix scan, int task, Scratch scratch) {
    int groups = Math.ceilDiv(leaves(scan.length()), NODES);
    int sequence = task / groups;
    int first = task % groups * NODES;
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    for (int step = first; step < Math.min(first + NODES, leaves(scan.length())); step++) {
      long target = node(scan, sequence, step);
      boolean real = step < scan.length();
      long row = real ? row(scan, sequence, step) : 0;
      for (int i = 0; i < scan.width(); i++) {
        CpuStorage.set(workspace, target + i, real ? element(scan.a(), row, i) : 1);
        float b = real ? element(scan.b(), row, i) : 0;
        CpuStorage.set(workspace, target + plane(scan) + i, b);
      }
    }
  }

  private static float element(View view, long row, int col) {
    return CpuStorage.get(CpuStorage.of(view), view.offset() + row * view.stride() + col);
  }

  private static int sweepTasks(Prefix scan, int level) {
    int nodes = leaves(scan.length()) >> (level + 1);
    return scan.batch() * Math.ceilDiv(nodes, NODES);
  }

  private WorkerPool.Body<Prefix> sweep(int level, boolean upwards) {
    return (scan, task, scratch) -> {
      int nodes = leaves(scan.length()) >> (level + 1);
      int groups = Math.ceilDiv(nodes, NODES);
      int sequence = task / groups;
      int first = task % groups * NODES;
      MemorySegment workspace = CpuStorage.of(scan.workspace());
      for (int i = first; i < Math.min(first + NODES, nodes); i++) {
        int last = ((i + 1) << (level + 1)) - 1;
        long right = node(scan, sequence, last);
        long left = node(scan, sequence, last - (1 << level));
        if (upwards) {
          columns.combine(workspace, left, right, plane(scan), scan.width());
        } else {
          columns.distribute(workspace, left, right, plane(scan), scan.width());
        }
      }
    };
  }

  private static void plantRoots(Prefix scan) {
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    for (int sequence = 0; sequence < scan.batch(); sequence++) {
      long root = node(scan, sequence, leaves(scan.length()) - 1) + plane(scan);
      loadInitial(scan, sequence, 0, scan.width(), workspace, root);
    }
  }

  /** Takes each leaf's state before its step through the step. */
  private void harvest(Prefix scan, int task, Scratch scratch) {
    int groups = Math.ceilDiv(leaves(scan.length()), NODES);
    int sequence = task / groups;
    int first = task % groups * NODES;
    MemorySegment workspace = CpuStorage.of(scan.workspace());
    for (int step = first; step < Math.min(first + NODES, scan.length()); step++) {
      long state = node(scan, sequence, step) + plane(scan);
      columns.apply(scan, row(scan, sequence, step), workspace, state);
    }
  }
}
