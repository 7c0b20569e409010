package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.stateFloats;

import io.github.mamba4j.spi.ScanKernels.Shape;

/**
 * Where the segments of a sequence leave each other what they need in a scan's workspace: of each
 * segment a state, [dState, dInner], and its sum of Δ, [dInner]. In the pass back the state is the
 * gradient g.
 *
 * <p>Segments are numbered through all sequences. Places are in floats, the first is where the
 * states begin.
 */
final class ScanSegments {
  private ScanSegments() {}

  /** Returns how much of the workspace they need: nothing where a sequence is one segment. */
  static long floats(Shape shape) {
    return ScanTile.segments(shape) == 1 ? 0 : count(shape) * (stateFloats(shape) + shape.dInner());
  }

  private static long count(Shape shape) {
    return (long) shape.batch() * ScanTile.segments(shape);
  }

  /** Returns the place of a segment's state. */
  static long state(Shape shape, long first, int segment) {
    return first + segment * stateFloats(shape);
  }

  /** Returns the place of a segment's sum of Δ. */
  static long delta(Shape shape, long first, int segment) {
    return first + count(shape) * stateFloats(shape) + (long) segment * shape.dInner();
  }
}
