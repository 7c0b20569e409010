package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels.Shape;

/**
 * How a selective scan is cut, and where its parts lie in a worker's memory. All of it follows from
 * the shape alone.
 *
 * <p>A task is a block of channels of one sequence (of one stretch of its time steps, if there are
 * too few blocks to feed the cores). It walks through time chunk by chunk; the inputs of a chunk
 * are copied into panels, so that the inner loops run over whole vectors of channels, padded to a
 * multiple of 16 channels with zeros that do no harm. A chunk is also the distance between two
 * checkpoints; it grows with dState, so that checkpoints do not outgrow the inputs until the tile
 * would outgrow the second-level cache.
 *
 * <p>Panels are interleaved, [width / 16, chunk, panels, 16]: what a loop over time reads and
 * writes lies at constant distances from one pointer that moves by a constant, which is what the
 * compiler needs to drop the bounds checks, and an odd number of cache lines, which spreads the
 * steps over the sets of the first-level cache; so does an odd number from channels to channels
 * with those of a row.
 *
 * <p>Offsets are in floats from the start of the tile.
 */
final class ScanTile {
  /** Δ after softplus. */
  static final int DELTA = 0;

  /** What enters the state before B: Δ·u (Euler); room of the inner loops for ZOH. */
  static final int INPUT = 1;

  /** Result before the gate, then after it. */
  static final int OUT = 2;

  static final int U = 3;

  /** The gate; in the backward scan its factor in the gradient of z, and then that gradient. */
  static final int Z = 4;

  /** Δ before softplus; then its gradient. */
  static final int RAW = 5;

  /** Gradient of the result, after and then before the gate. */
  static final int OUT_GRAD = 6;

  /** {@code Σ_n g·B̄/input}; then the gradient of u. */
  static final int INPUT_GRAD = 7;

  /** Gradient of Δ through the states. */
  static final int DELTA_GRAD = 8;

  private static final int PANELS = 9;

  /** Lanes of the widest vector. */
  static final int MAX_LANES = 16;

  /** Floats from a step to the next in all panels. */
  static final int STEP = PANELS * MAX_LANES;

  /** States that the inner loops take at a time; the room of the last ones is filled up. */
  static final int STATE_GROUP = 4;

  private static final int WORK_VECTORS = 6 * STATE_GROUP + 1;

  /** Floats of a step in the work room. */
  private static final int WORK_STEP = WORK_VECTORS * MAX_LANES;

  /** Floats of the largest tile, if dState leaves a choice. */
  private static final int TILE_FLOATS = 1 << 17;

  private static final int MIN_CHUNK = 32;
  private static final int PANEL_FLOATS = 8192;

  /** Tasks that a scan is cut into: rows of 128 channels of 1536, for the way from memory. */
  private static final int TASKS = 12;

  /** The same for ZOH, whose loops take one state at a time through all panels of a block. */
  private static final int ZOH_TASKS = 24;

  /** Tasks of a scan with so few channels that its time is cut. */
  private static final int SEGMENT_TASKS = 24;

  private static final int TASK_WORK = 1 << 14;
  private static final int FEW_TASKS = 4;
  private static final int MIN_SEGMENT_CHUNKS = 4;

  private ScanTile() {}

  private static int ceilDiv(long a, long b) {
    return Math.toIntExact(Math.ceilDiv(a, b));
  }

  private static int roundUp(int value, int unit) {
    return ceilDiv(value, unit) * unit;
  }

  /** Returns the time steps of a chunk. */
  static int chunk(Shape shape) {
    int steps = Math.max(MIN_CHUNK, roundUp(2 * shape.dState(), MIN_CHUNK));
    while (steps > MIN_CHUNK && floats(steps, MAX_LANES, shape.dState()) > TILE_FLOATS) {
      steps -= MIN_CHUNK;
    }
    return Math.min(steps, shape.length());
  }

  /** Returns the number of chunks of a sequence. */
  static int chunks(Shape shape) {
    return ceilDiv(shape.length(), chunk(shape));
  }

  /** Returns the channels of a block, padding included. */
  static int width(Shape shape) {
    long work = (long) shape.batch() * shape.length() * shape.dInner() * shape.dState();
    int tasks = ScanStage.zoh(shape) ? ZOH_TASKS : TASKS;
    long wanted = ceilDiv(tasks, shape.batch());
    wanted = Math.min(wanted, Math.max(1, work / TASK_WORK));
    int width = roundUp(ceilDiv(shape.dInner(), wanted), MAX_LANES);
    width = Math.min(width, PANEL_FLOATS / chunk(shape) / MAX_LANES * MAX_LANES);
    while (width > MAX_LANES && floats(chunk(shape), width, shape.dState()) > TILE_FLOATS) {
      width -= MAX_LANES;
    }
    return Math.max(MAX_LANES, width);
  }

  /** Returns the number of blocks that the channels are cut into. */
  static int blocks(Shape shape) {
    return ceilDiv(shape.dInner(), width(shape));
  }

  /** Returns the chunks of a stretch of time that is one task; all of them if time is not cut. */
  static int segmentChunks(Shape shape) {
    int chunks = chunks(shape);
    long tasks = (long) shape.batch() * blocks(shape);
    if (tasks >= FEW_TASKS || chunks < 2 * MIN_SEGMENT_CHUNKS) {
      return chunks;
    }
    return Math.max(MIN_SEGMENT_CHUNKS, ceilDiv(chunks, ceilDiv(SEGMENT_TASKS, tasks)));
  }

  /** Returns the stretches of time that are tasks of their own; 1 if time is not cut. */
  static int segments(Shape shape) {
    return ceilDiv(chunks(shape), segmentChunks(shape));
  }

  /** Returns the channels of one block, padding included. */
  static int width(Shape shape, int block) {
    int width = width(shape);
    return Math.min(width, roundUp(shape.dInner() - block * width, MAX_LANES));
  }

  /** Floats from 16 channels to the next 16 in all panels: an odd number of cache lines, too. */
  static long pitch(int chunk) {
    return (long) (chunk * PANELS | 1) * MAX_LANES;
  }

  /** Offset of a channel's first step in panel 0; a panel lies MAX_LANES further, a step STEP. */
  static long column(int chunk, int e) {
    return e / MAX_LANES * pitch(chunk) + e % MAX_LANES;
  }

  /** Offset of an element of a panel. */
  static long at(int panel, int chunk, int t, int e) {
    return column(chunk, e) + (long) t * STEP + (long) panel * MAX_LANES;
  }

  /** Returns the room of one value a state and channel, [states rounded up, width]. */
  static long stateFloats(int width, int states) {
    return (long) roundUp(states, STATE_GROUP) * width;
  }

  /** A·log₂e, [states, width]. */
  static long a(int chunk, int width) {
    return column(chunk, width);
  }

  /** 1/A (ZOH), [states, width]. */
  static long inverseA(int chunk, int width, int states) {
    return a(chunk, width) + stateFloats(width, states);
  }

  /** The states, [states, width]. */
  static long state(int chunk, int width, int states) {
    return inverseA(chunk, width, states) + stateFloats(width, states);
  }

  /** Gradient of the state before the chunk, {@code exp(Δ_t·A)·g_t}, [states, width]. */
  static long stateGrad(int chunk, int width, int states) {
    return state(chunk, width, states) + stateFloats(width, states);
  }

  /** Gradient of A over the task, [states, width]. */
  static long aGrad(int chunk, int width, int states) {
    return stateGrad(chunk, width, states) + stateFloats(width, states);
  }

  /** The direct path's weight, [width]. */
  static long skip(int chunk, int width, int states) {
    return aGrad(chunk, width, states) + stateFloats(width, states);
  }

  /** The bias of dt, [width]. */
  static long bias(int chunk, int width, int states) {
    return skip(chunk, width, states) + width;
  }

  /** Gradient of the direct path's weight over the task, [width]. */
  static long skipGrad(int chunk, int width, int states) {
    return bias(chunk, width, states) + width;
  }

  /** Gradient of the bias over the task, [width]. */
  static long biasGrad(int chunk, int width, int states) {
    return skipGrad(chunk, width, states) + width;
  }

  /** Sum of Δ over the task, [width]. */
  static long deltaSum(int chunk, int width, int states) {
    return biasGrad(chunk, width, states) + width;
  }

  /** The largest magnitude of A·log₂e over the states, [width]. */
  static long largestA(int chunk, int width, int states) {
    return deltaSum(chunk, width, states) + width;
  }

  /** B, [chunk, states]. */
  static long b(int chunk, int width, int states) {
    return largestA(chunk, width, states) + width;
  }

  private static long stepStates(int chunk, int states) {
    return roundUp(chunk * states, MAX_LANES);
  }

  /** C, [chunk, states]. */
  static long c(int chunk, int width, int states) {
    return b(chunk, width, states) + stepStates(chunk, states);
  }

  /** Gradient of B from this block's channels, [chunk, states]. */
  static long bGrad(int chunk, int width, int states) {
    return c(chunk, width, states) + stepStates(chunk, states);
  }

  /** Gradient of C from this block's channels, [chunk, states]. */
  static long cGrad(int chunk, int width, int states) {
    return bGrad(chunk, width, states) + stepStates(chunk, states);
  }

  /** Room of the inner loops. */
  static long work(int chunk, int width, int states) {
    return cGrad(chunk, width, states) + stepStates(chunk, states);
  }

  /** Returns the size of a tile. */
  static long floats(int chunk, int width, int states) {
    return work(chunk, width, states) + (long) chunk * WORK_STEP;
  }
}
