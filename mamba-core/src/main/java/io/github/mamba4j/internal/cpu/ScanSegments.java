package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStage.stateFloats;

import io.github.mamba4j.spi.ScanKernels.Shape;
import java.lang.foreign.MemorySegment;

/**
 * What the segments of a sequence leave each other in a scan's workspace: of each segment a state,
 * [dState, dInner], and its sum of Δ, [dInner]. In the pass back the state is the gradient g.
 *
 * <p>Segments are numbered through all sequences. Places are in floats, the first is where the
 * states begin.
 */
final class ScanSegments {
  private final ScanLoops loops;
  private final ScanStage stage;

  ScanSegments(ScanLoops loops, ScanStage stage) {
    this.loops = loops;
    this.stage = stage;
  }

  /** Returns how much of the workspace they need: nothing where a sequence is one segment. */
  static long floats(Shape shape) {
    return ScanTile.segments(shape) == 1 ? 0 : count(shape) * (stateFloats(shape) + shape.dInner());
  }

  private static long count(Shape shape) {
    return (long) shape.batch() * ScanTile.segments(shape);
  }

  private static long state(Shape shape, long first, int segment) {
    return first + segment * stateFloats(shape);
  }

  private static long delta(Shape shape, long first, int segment) {
    return first + count(shape) * stateFloats(shape) + (long) segment * shape.dInner();
  }

  /** Leaves a tile's state and its sum of Δ for a segment. */
  void leave(
      Shape shape,
      MemorySegment workspace,
      long first,
      int segment,
      int block,
      MemorySegment tile,
      long state) {
    begin(shape, workspace, first, segment, block, tile, state);
    int width = ScanTile.width(shape, block);
    long sum = ScanTile.deltaSum(ScanTile.chunk(shape), width, shape.dState());
    long to = delta(shape, first, segment) + ScanStage.firstChannel(shape, block);
    loops.copyOut(tile, sum, width, workspace, to, 0, 1, ScanStage.channels(shape, block));
  }

  /**
   * Takes a tile's state across a border: {@code state ← exp(A·ΣΔ)·state + left}, with what was
   * left for the segment behind it.
   */
  void cross(
      Shape shape,
      MemorySegment workspace,
      long first,
      int segment,
      int block,
      MemorySegment tile,
      long state) {
    long at = state(shape, first, segment);
    long sum = delta(shape, first, segment);
    stage.decayAndAdd(shape, workspace, at, sum, block, tile, state);
  }

  /** Puts a tile's state in the place of what was left for a segment: what it begins with. */
  void begin(
      Shape shape,
      MemorySegment workspace,
      long first,
      int segment,
      int block,
      MemorySegment tile,
      long state) {
    long at = state(shape, first, segment);
    stage.storeStates(shape, tile, state, workspace, at, shape.dInner(), block);
  }

  /** Loads what a segment begins with. */
  void load(
      Shape shape,
      MemorySegment workspace,
      long first,
      int segment,
      int block,
      MemorySegment tile,
      long state) {
    long at = state(shape, first, segment);
    stage.loadStates(shape, workspace, at, shape.dInner(), block, tile, state);
  }
}
