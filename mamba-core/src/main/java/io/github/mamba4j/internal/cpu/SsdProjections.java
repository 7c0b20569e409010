package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.internal.cpu.DenseProduct.Band;
import io.github.mamba4j.spi.SsdKernels.Inputs;
import io.github.mamba4j.spi.SsdKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/**
 * What the heads of a group share: for every chunk the transposed B and C, [dState, chunk], and
 * their transposed products {@code pairs[s,l] = B_s·C_l} for s ≤ l, zero else, [chunk, chunk], at
 * the start of the workspace. Steps beyond the last are zeros.
 */
final class SsdProjections {
  private final ScanLoops copies;
  private final SsdLoops loops;
  private final DenseProducts products;

  SsdProjections(ScanLoops copies, SsdLoops loops) {
    this.copies = copies;
    this.loops = loops;
    products = new DenseProducts(loops);
  }

  private static long matrix(Shape shape) {
    return (long) shape.dState() * SsdCut.chunk(shape);
  }

  private static long square(Shape shape) {
    return (long) SsdCut.chunk(shape) * SsdCut.chunk(shape);
  }

  static int tasks(Shape shape) {
    return shape.batch() * SsdCut.chunks(shape) * shape.groups();
  }

  static long floats(Shape shape) {
    return tasks(shape) * (2 * matrix(shape) + square(shape));
  }

  /** Returns where the transposed B of a chunk and group begins. */
  static long b(Shape shape, View workspace, int sequence, int k, int group) {
    long index = ((long) sequence * SsdCut.chunks(shape) + k) * shape.groups() + group;
    return workspace.offset() + index * (2 * matrix(shape) + square(shape));
  }

  /** Returns where the transposed C of a chunk and group begins. */
  static long c(Shape shape, View workspace, int sequence, int k, int group) {
    return b(shape, workspace, sequence, k, group) + matrix(shape);
  }

  /** Returns where the pairs of a chunk and group begin. */
  static long pairs(Shape shape, View workspace, int sequence, int k, int group) {
    return c(shape, workspace, sequence, k, group) + matrix(shape);
  }

  /** Computes one of the {@link #tasks}. */
  void compute(Shape shape, Inputs inputs, View workspace, int task, Scratch scratch) {
    int chunk = SsdCut.chunk(shape);
    int group = task % shape.groups();
    int k = task / shape.groups() % SsdCut.chunks(shape);
    int sequence = task / shape.groups() / SsdCut.chunks(shape);
    MemorySegment tile = scratch.floats(SsdTile.projectionFloats(shape));
    copies.clear(tile, SsdTile.ZERO, 4L * SsdCut.LANES);
    turn(shape, inputs.b(), sequence, k, group, tile, SsdTile.b(shape));
    turn(shape, inputs.c(), sequence, k, group, tile, SsdTile.c(shape));
    long pairs = SsdTile.pairs(shape);
    products.set(
        scratch
            .product
            .left(tile, SsdTile.b(shape), 1, chunk)
            .right(tile, SsdTile.c(shape), chunk)
            .size(chunk, chunk, shape.dState())
            .to(pairs, chunk, Band.OUT_UPPER));
    for (int s = 0; s < chunk; s++) {
      copies.clear(tile, pairs + (long) s * chunk, s);
    }
    MemorySegment target = CpuStorage.of(workspace);
    int floats = Math.toIntExact(matrix(shape));
    long to = b(shape, workspace, sequence, k, group);
    copies.copyOut(tile, SsdTile.b(shape), floats, target, to, 0, 1, floats);
    copies.copyOut(tile, SsdTile.c(shape), floats, target, to + floats, 0, 1, floats);
    copies.copyOut(tile, pairs, chunk, target, to + 2L * floats, chunk, chunk, chunk);
  }

  private void turn(
      Shape shape, View view, int sequence, int k, int group, MemorySegment tile, long to) {
    int chunk = SsdCut.chunk(shape);
    int states = shape.dState();
    int width = SsdCut.roundUp(states);
    int steps = SsdStage.steps(shape, k);
    long rows = SsdTile.rows();
    if (steps < chunk || states < width) {
      copies.clear(tile, rows, (long) chunk * width);
    }
    long from = Tiles.row(view, SsdStage.row(shape, sequence, k)) + (long) group * states;
    copies.copyIn(CpuStorage.of(view), from, view.stride(), tile, rows, width, steps, states);
    loops.transpose(tile, rows, to, chunk, width, SsdTile.projectionRoom(shape));
  }
}
