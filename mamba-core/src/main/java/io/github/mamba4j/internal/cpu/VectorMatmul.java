package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;

/** Matrix products on the Vector API. */
final class VectorMatmul extends CpuMatmul {

  /** Elements that are written where the six of a tile's step go, and steps that this reaches. */
  private static final int SPILL = Math.ceilDiv(TILE_ROWS, LANES) * LANES;

  private static final int SPILL_STEPS = Math.ceilDiv(SPILL - TILE_ROWS, TILE_ROWS);

  /**
   * Steps that are gathered for one tile after the other: rows at a stride share few sets of L1.
   */
  private static final int GATHER_STEPS = 8;

  VectorMatmul(WorkerPool pool) {
    super(pool, LANES, VectorTiles.STRIP_VECTORS);
  }

  @Override
  void tile(
      MatmulCall call,
      MemorySegment a,
      long aOffset,
      long strip,
      MemorySegment sums,
      int rows,
      int width) {
    long stripStep = (long) width * Float.BYTES;
    VectorTiles.tile(call, a, aOffset, strip, strip + stripStep, stripStep, sums, rows, width);
  }

  @Override
  void merge(
      MatmulCall call, MemorySegment sums, long outOffset, int rows, int width, int columns) {
    MemorySegment out = call.out;
    int whole = SPECIES.loopBound(columns);
    for (int i = 0; i < rows; i++) {
      long from = (long) i * width * Float.BYTES;
      long to = outOffset + i * call.outRowBytes;
      if (call.add) {
        addRow(sums, from, out, to, whole);
      } else {
        copyRow(sums, from, out, to, whole);
      }
      ScalarMatmul.mergeRow(call, sums, from, to, whole, columns);
    }
  }

  private static void addRow(
      MemorySegment from, long source, MemorySegment to, long target, int n) {
    from = offHeap(from);
    to = offHeap(to);
    for (int j = 0; j < n; j += LANES) {
      long at = (long) j * Float.BYTES;
      fromMemorySegment(SPECIES, from, source + at, ORDER)
          .add(fromMemorySegment(SPECIES, to, target + at, ORDER))
          .intoMemorySegment(to, target + at, ORDER);
    }
  }

  private static void copyRow(
      MemorySegment from, long source, MemorySegment to, long target, int n) {
    from = offHeap(from);
    to = offHeap(to);
    for (int j = 0; j < n; j += LANES) {
      long at = (long) j * Float.BYTES;
      fromMemorySegment(SPECIES, from, source + at, ORDER)
          .intoMemorySegment(to, target + at, ORDER);
    }
  }

  @Override
  void dots(MatmulCall call, int item, int from, int to, Scratch scratch) {
    VectorDotTask.run(call, item, from, to, scratch);
  }

  @Override
  void gather(MatmulCall call, long source, int rows, int readable, MemorySegment to, long target) {
    int steps = Math.max(0, call.depth - SPILL_STEPS);
    int tiles = readable < SPILL ? 0 : Math.min(rows, readable - SPILL + TILE_ROWS) / TILE_ROWS;
    long tileBytes = (long) call.depth * TILE_ROWS * Float.BYTES;
    for (int p = 0; p < steps; p += GATHER_STEPS) {
      int end = Math.min(steps, p + GATHER_STEPS);
      for (int t = 0; t < tiles; t++) {
        gatherTile(call, source + t * call.tileStepBytes, p, end, to, target + t * tileBytes);
      }
    }
    int done = tiles * TILE_ROWS;
    if (done < rows) {
      long rest = source + (long) done * Float.BYTES;
      ScalarMatmul.gatherSteps(call, rest, rows - done, to, target + tiles * tileBytes, 0);
    }
    ScalarMatmul.gatherSteps(call, source, done, to, target, steps);
  }

  private static void gatherTile(
      MatmulCall call, long source, int from, int end, MemorySegment to, long target) {
    MemorySegment a = offHeap(call.a);
    to = offHeap(to);
    long stepBytes = call.aStepBytes;
    for (int p = from; p < end; p++) {
      long in = source + p * stepBytes;
      long out = target + (long) p * TILE_ROWS * Float.BYTES;
      fromMemorySegment(SPECIES, a, in, ORDER).intoMemorySegment(to, out, ORDER);
      if (LANES < TILE_ROWS) {
        fromMemorySegment(SPECIES, a, in + SPECIES.vectorByteSize(), ORDER)
            .intoMemorySegment(to, out + SPECIES.vectorByteSize(), ORDER);
      }
    }
  }

  @Override
  void copy(MatmulCall call, long source, long target, int width, int columns, int steps) {
    long stride = call.bStride * Float.BYTES;
    int whole = SPECIES.loopBound(columns);
    for (int i = 0; i < steps; i++) {
      long in = source + i * stride;
      long out = target + (long) i * width * Float.BYTES;
      copyRow(call.b, in, call.packed, out, whole);
      ScalarMatmul.copyRow(call, in >> 2, out >> 2, whole, width, columns);
    }
  }

  @Override
  void transpose(
      MatmulCall call,
      MemorySegment from,
      long source,
      long stride,
      long target,
      int width,
      int columns,
      Scratch scratch) {
    if (columns < width) {
      ScalarMatmul.transposeRows(call, from, source, stride, target, width, columns, 0);
      return;
    }
    MemorySegment between = scratch.floats(VectorTranspose.scratchFloats());
    long rowBytes = (long) width * Float.BYTES;
    int whole = SPECIES.loopBound(call.depth);
    for (int j = 0; j < width; j += LANES) {
      for (int i = 0; i < whole; i += LANES) {
        long at = source + j * stride + (long) i * Float.BYTES;
        long to = target + i * rowBytes + (long) j * Float.BYTES;
        VectorTranspose.square(from, at, stride, call.packed, to, rowBytes, between, 0);
      }
    }
    ScalarMatmul.transposeRows(call, from, source, stride, target, width, columns, whole);
  }

  @Override
  int transposeFloats() {
    return VectorTranspose.scratchFloats();
  }

  @Override
  void widen(MatmulCall call, long first, int n, MemorySegment to, long target) {
    VectorWiden.row(call.bType, call.b, first, n, to, target);
  }
}
