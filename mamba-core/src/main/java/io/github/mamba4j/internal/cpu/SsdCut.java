package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;

/** How a scan of Mamba-2 is cut, by its shape alone, and its step sizes. */
final class SsdCut {
  /** Channels and steps are padded to a multiple of this, the lanes of the widest vector. */
  static final int LANES = 16;

  /** Steps of a chunk at most: longer chunks cost more products than they save states. */
  static final int MAX_CHUNK = 64;

  private static final int MAX_STEPS = 6;
  private static final int FEW_LANES = 16;
  private static final int TASKS = 24;
  private static final int MIN_SEGMENT_CHUNKS = 4;

  private SsdCut() {}

  static int roundUp(int value) {
    return Math.ceilDiv(value, LANES) * LANES;
  }

  /** Returns the steps of a chunk, a multiple of the lanes. */
  static int chunk(Shape shape) {
    return roundUp(Math.min(Math.min(shape.chunkSize(), MAX_CHUNK), shape.length()));
  }

  /** Returns the number of chunks of a sequence. */
  static int chunks(Shape shape) {
    return Math.ceilDiv(shape.length(), chunk(shape));
  }

  /** Returns whether a scan runs step by step: it reads and writes states, and computes less. */
  static boolean stepwise(Shape shape) {
    return shape.length() <= MAX_STEPS;
  }

  /** Returns the chunks of a stretch of time that is one task; all of them if time is not cut. */
  static int segmentChunks(Shape shape) {
    int chunks = chunks(shape);
    int lanes = shape.batch() * shape.heads();
    if (lanes >= FEW_LANES || chunks < 2 * MIN_SEGMENT_CHUNKS) {
      return chunks;
    }
    return Math.max(MIN_SEGMENT_CHUNKS, Math.ceilDiv(chunks, Math.ceilDiv(TASKS, lanes)));
  }

  /** Returns the stretches of time that are tasks of their own; 1 if time is not cut. */
  static int segments(Shape shape) {
    return Math.ceilDiv(chunks(shape), segmentChunks(shape));
  }

  /** Returns the blocks that the heads of a group are cut into where chunks are few. */
  static int headBlocks(Shape shape) {
    int tasks = shape.batch() * chunks(shape) * shape.groups();
    return Math.min(shape.heads() / shape.groups(), Math.ceilDiv(FEW_LANES, tasks));
  }

  /** Returns the first head of a block, counted from the group's first. */
  static int firstHead(Shape shape, int block) {
    return block * (shape.heads() / shape.groups()) / headBlocks(shape);
  }

  /** Returns the size of the state of one sequence. */
  static long stateFloats(Shape shape) {
    return (long) shape.dState() * shape.dInner();
  }

  /** Returns the group that a head reads B and C of. */
  static int group(Shape shape, int head) {
    return head / (shape.heads() / shape.groups());
  }

  /** Returns a step size before softplus. */
  static float raw(Inputs inputs, long row, int head) {
    long at = inputs.dt().offset() + row * inputs.dt().stride() + head;
    float raw = CpuStorage.get(CpuStorage.of(inputs.dt()), at);
    return inputs.dtBias() == null
        ? raw
        : raw + CpuStorage.get(CpuStorage.of(inputs.dtBias()), inputs.dtBias().offset() + head);
  }

  /** Returns {@code clamp(softplus(raw))}; a NaN stays one. */
  static float delta(Shape shape, float raw) {
    float delta = ScalarMath.softplus(raw);
    return Math.max(shape.stepMin(), Math.min(shape.stepMax(), delta));
  }

  /** Returns whether a step size is at a bound, where it has no gradient. */
  static boolean clamped(Shape shape, float raw) {
    float softplus = ScalarMath.softplus(raw);
    return softplus < shape.stepMin() || softplus > shape.stepMax();
  }

  /** Returns the decay rate of a head. */
  static float rate(Inputs inputs, int head) {
    return CpuStorage.get(CpuStorage.of(inputs.a()), inputs.a().offset() + head);
  }
}
