package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.ScanKernels.Discretization;
import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * One step of running sequences, the work of a generated token: {@code h ← exp(ΔA)·h + Δ·u·B; out =
 * (C·h + D·u)·silu(z)} (Gu and Dao 2023, equation 2a).
 *
 * <p>The time of a step is that of reading A and the state and writing the state. So both are read
 * where they lie and once; only rows of a block of channels go through the worker's memory. The
 * result has the bits of {@link ScanForward}'s.
 */
final class ScanStep {
  /** Channels a task: three rows of them stay in the first-level cache. */
  private static final int BLOCK = 256;

  /** Row of the worker's memory: Δ. */
  static final int DELTA = 0;

  /** Row of the worker's memory: Δ·u. */
  static final int INPUT = BLOCK;

  /** Row of the worker's memory: the result before the gate. */
  static final int OUT = 2 * BLOCK;

  private static final int TILE_FLOATS = 3 * BLOCK;

  private final WorkerPool pool;
  private final ScanLoops loops;
  private final WorkerPool.Body<Forward> body = this::block;

  ScanStep(WorkerPool pool, ScanLoops loops) {
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

  void run(Forward scan) {
    pool.forEach(scan.shape().batch() * blocks(scan.shape()), scan, body);
  }

  private static int blocks(Shape shape) {
    return Math.ceilDiv(shape.dInner(), BLOCK);
  }

  private void block(Forward scan, int task, Scratch scratch) {
    Inputs inputs = scan.inputs();
    View initial = inputs.initialState();
    View last = scan.finalState();
    View z = inputs.z();
    View skip = inputs.dSkip();
    View bias = inputs.dtBias();
    if (initial == null || last == null || z == null || skip == null || bias == null) {
      return; // fits() has seen to it
    }
    Shape shape = scan.shape();
    int sequence = task / blocks(shape);
    int first = task % blocks(shape) * BLOCK;
    int n = Math.min(BLOCK, shape.dInner() - first);
    MemorySegment tile = scratch.floats(TILE_FLOATS);
    loops.stepInputs(
        CpuStorage.of(inputs.u()),
        row(inputs.u(), sequence) + first,
        CpuStorage.of(inputs.dt()),
        row(inputs.dt(), sequence) + first,
        CpuStorage.of(bias),
        bias.offset() + first,
        CpuStorage.of(skip),
        skip.offset() + first,
        tile,
        n);
    MemorySegment b = CpuStorage.of(inputs.b());
    MemorySegment c = CpuStorage.of(inputs.c());
    for (int state = 0; state < shape.dState(); state++) {
      long at = (long) sequence * shape.dState() + state;
      loops.stepState(
          CpuStorage.of(inputs.a()),
          row(inputs.a(), state) + first,
          CpuStorage.get(b, row(inputs.b(), sequence) + state),
          CpuStorage.get(c, row(inputs.c(), sequence) + state),
          CpuStorage.of(initial),
          row(initial, at) + first,
          CpuStorage.of(last),
          row(last, at) + first,
          tile,
          n);
    }
    loops.stepGate(
        tile,
        CpuStorage.of(z),
        row(z, sequence) + first,
        CpuStorage.of(scan.out()),
        row(scan.out(), sequence) + first,
        n);
  }
}
