package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The inner loops of the scans, on tiles laid out by {@link ScanTile}. Offsets and strides are in
 * floats. A step is a row of a panel; channels beyond the last and states beyond the last are zeros
 * and are computed like the others.
 */
interface ScanLoops {
  /** Below it, a loop over the channels of a step is longer than one over the steps. */
  int FEW_STEPS = 6;

  /**
   * Returns memory for a tile, contents undefined, to be given back by {@link #release}.
   *
   * @param scratch the running thread's own memory
   * @param floats size of the tile
   */
  MemorySegment claim(Scratch scratch, long floats);

  /** Gives the memory of a tile back. */
  void release(MemorySegment tile);

  /** Writes zeros. */
  void clear(MemorySegment tile, long offset, long floats);

  /**
   * Copies rows into a tile.
   *
   * @param source where from
   * @param offset its first element
   * @param stride distance of its rows
   * @param tile where to
   * @param target the tile's first element
   * @param width distance of the tile's rows, at least cols
   * @param rows rows
   * @param cols elements of a row
   */
  void copyIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols);

  /** Adds rows to the rows of a tile; arguments as {@link #copyIn}. */
  void addIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols);

  /** Copies rows out of a tile: {@link #copyIn} the other way round. */
  void copyOut(
      MemorySegment tile,
      long source,
      int width,
      MemorySegment target,
      long offset,
      long stride,
      int rows,
      int cols);

  /**
   * Multiplies the tile's A by log₂e and, for ZOH, leaves its reciprocal. An A that is no finite
   * number would be hidden by the exponential: it makes the direct path's weight NaN.
   */
  void scaleDiagonal(MemorySegment tile, int chunk, int width, int states, boolean zoh);

  /** {@code target[i] = Σ_k source[offset + k·stride + i]}, k rising, for i below cols. */
  void sumPartials(
      MemorySegment source,
      long offset,
      long stride,
      int count,
      MemorySegment target,
      long targetOffset,
      int cols);

  /**
   * Reads u and dt of a chunk: fills the panels U, RAW with {@code dt + bias}, DELTA with {@code
   * softplus(raw)}, INPUT with what enters the state before B under Euler's rule, {@code Δ·u}, and
   * OUT with {@code dSkip·u}.
   *
   * @param tile the tile of a task
   * @param shape the scan
   * @param inputs its inputs
   * @param row the chunk's first row
   * @param block the task's block of channels
   */
  void enter(MemorySegment tile, Shape shape, Inputs inputs, long row, int block);

  /**
   * Runs the states through a chunk and adds {@code Σ_n C·h} to the panel OUT. The tile's state
   * goes from before the chunk to after it.
   */
  void scanStates(MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh);

  /** {@link #enter}, {@link #scanStates} and {@link #leave}. */
  default void forward(
      MemorySegment tile, Shape shape, Inputs inputs, View out, long row, int block) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    enter(tile, shape, inputs, row, block);
    scanStates(
        tile, ScanStage.steps(shape, row), chunk, width, shape.dState(), ScanStage.zoh(shape));
    leave(tile, shape, inputs.z(), out, row, block);
  }

  /** Adds Δ of a chunk to the tile's sum. */
  void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states);

  /** Stores {@code OUT·silu(z)}, or OUT if there is no gate; arguments as {@link #enter}. */
  void leave(MemorySegment tile, Shape shape, @Nullable View z, View out, long row, int block);

  /**
   * Reads the gradient behind the gate: fills the panels OUT_GRAD with that before it and Z with
   * the factor that makes the gradient of z from the ungated result; arguments as {@link #enter}.
   */
  void enterGrad(
      MemorySegment tile, Shape shape, @Nullable View z, View outGrad, long row, int block);

  /**
   * Runs the states forward through a chunk, from the tile's state, and their gradients back.
   *
   * <p>Adds {@code C·h} to OUT and {@code Δ·g·a·h}-terms to the gradient of A; overwrites
   * INPUT_GRAD with {@code Σ_n g·B̄/Δ} (ZOH: {@code Σ_n g·B̄}), DELTA_GRAD with log₂e times the
   * gradient of Δ through the states, and the gradients of B and C of the chunk; takes the state's
   * gradient from after the chunk to before it.
   */
  void scanStatesGrad(MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh);

  /**
   * Only takes the state's gradient from after the chunk to before it, from the panels DELTA and
   * OUT_GRAD.
   */
  void carryGrad(MemorySegment tile, int steps, int chunk, int width, int states);

  /**
   * Completes the gradients of u, dt and z of a chunk and stores them, and adds to those of the
   * direct path's weight and of the bias; arguments as {@link #enter}.
   */
  void leaveGrad(
      MemorySegment tile, Shape shape, Gradients gradients, boolean gated, long row, int block);
}
