package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One step of running sequences, the work of a generated token: {@code h ← exp(ΔA)·h + Δ·u·B; out =
 * (C·h + D·u)·silu(z)} (Gu and Dao 2023, equation 2a).
 *
 * <p>The time of a step is that of reading A and the state and writing the state. So both are read
 * where they lie and once; only rows of a block of channels go through the worker's memory. The
 * result has the bits of {@link ScanForward}'s.
 */
final class ScanStep {
  /** The most channels of a task: three rows of them stay in the first-level cache. */
  private static final int MOST = 2048;

  /** The fewest, where there are threads for more tasks. */
  private static final int FEWEST = 256;

  /** From one row of the worker's memory to the next: no power of two, and whole cache lines. */
  private static final int PITCH = MOST + 16;

  /** Row of the worker's memory: Δ. */
  static final int DELTA = 0;

  /** Row of the worker's memory: Δ·u. */
  static final int INPUT = PITCH;

  /** Row of the worker's memory: the result before the gate. */
  static final int OUT = 2 * PITCH;

  private static final int TILE_FLOATS = 3 * PITCH;

  /**
   * The inner loops, over channels {@code first + from} to {@code first + to} of a sequence; the
   * tile's rows begin with channel {@code first}.
   */
  interface Loops {
    /** Fills the rows: {@code Δ = softplus(dt + dtBias)}, Δ·u, and {@code dSkip·u} for OUT. */
    void inputs(Forward scan, int sequence, int first, int from, int to, MemorySegment tile);

    /**
     * Takes a state of the channels a step further and adds {@code C·h} to the row OUT, NaN where A
     * is no finite number.
     */
    void state(
        Forward scan, int sequence, int state, int first, int from, int to, MemorySegment tile);

    /** Writes {@code OUT·silu(z)}. */
    void gate(Forward scan, int sequence, int first, int from, int to, MemorySegment tile);
  }

  private final WorkerPool pool;
  private final Loops loops;
  private final WorkerPool.Body<Forward> body = this::block;

  ScanStep(WorkerPool pool, Loops loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /** Whether a scan is what a layer does with one token; all others go through tiles. */
  static boolean fits(Forward scan) {
    Shape shape = scan.shape();
    Inputs inputs = scan.inputs();
    return shape.length() == 1
        && shape.softplus()
        && shape.discretization() == Discretization.EULER
        && scan.checkpoints() == null
        && scan.finalState() != null
        && inputs.initialState() != null
        && inputs.z() != null
        && inputs.dSkip() != null
        && inputs.dtBias() != null;
  }

  /** Returns a view that {@link #fits} has seen. */
  static View given(@Nullable View view) {
    return Objects.requireNonNull(view);
  }

  /** Returns where a sequence's row of a state begins. */
  static long stateRow(View view, Shape shape, int sequence, int state) {
    return row(view, (long) sequence * shape.dState() + state);
  }

  void run(Forward scan) {
    Shape shape = scan.shape();
    pool.forEach(shape.batch() * Math.ceilDiv(shape.dInner(), width(shape)), scan, body);
  }

  /**
   * Returns how many channels a task takes. Rows of A and of the state follow each other without
   * gaps, so whole rows are one stream, which the hardware prefetches; half as many tasks as there
   * are threads were faster than as many. The cut may depend on that: each channel is one task's.
   */
  private int width(Shape shape) {
    long tasks = Math.max(1, pool.threads() / (2L * shape.batch()));
    return Math.clamp(Math.ceilDiv(shape.dInner(), tasks), FEWEST, MOST);
  }

  private void block(Forward scan, int task, Scratch scratch) {
    Shape shape = scan.shape();
    int width = width(shape);
    int blocks = Math.ceilDiv(shape.dInner(), width);
    int sequence = task / blocks;
    int first = task % blocks * width;
    int n = Math.min(width, shape.dInner() - first);
    MemorySegment tile = scratch.floats(TILE_FLOATS);
    loops.inputs(scan, sequence, first, 0, n, tile);
    for (int state = 0; state < shape.dState(); state++) {
      loops.state(scan, sequence, state, first, 0, n, tile);
    }
    loops.gate(scan, sequence, first, 0, n, tile);
  }
}
