package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.place;
import static io.github.mamba4j.internal.cpu.VectorAccess.reach;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Matrix products on the Vector API. */
final class VectorMatmul extends CpuMatmul {
  VectorMatmul(WorkerPool pool) {
    super(pool, LANES, VectorTiles.STRIP_VECTORS);
  }

  @Override
  void tile(MatmulCall call, RegisterTile tile, MemorySegment sums, int width) {
    long strips = VectorStripMemory.offset(call.packed);
    if (strips >= 0) {
      long to = VectorTileMemory.offset(sums);
      VectorPackedTiles.run(call, tile, strips + tile.strip, to, width);
      return;
    }
    long step = (long) width * Float.BYTES;
    long strip = tile.strip;
    VectorTiles.tile(
        call, tile.left, tile.leftAt, strip, strip + step, step, sums, tile.rows, width);
  }

  @Override
  MemorySegment claimSums(Scratch scratch, int floats) {
    return VectorTileMemory.claim();
  }

  @Override
  void releaseSums(MemorySegment sums) {
    VectorTileMemory.release(sums);
  }

  @Override
  @Nullable MemorySegment claimStrips() {
    return VectorStripMemory.tryClaim();
  }

  @Override
  void releaseStrips(MemorySegment strips) {
    VectorStripMemory.release(strips);
  }

  @Override
  void merge(
      MatmulCall call, MemorySegment sums, long outOffset, int rows, int width, int columns) {
    long tile = VectorTileMemory.offset(sums);
    if (!call.add && columns == VectorPackedTiles.WIDE) {
      VectorPackedTiles.copyWide(tile, call.out, outOffset, call.outRowBytes, rows);
      return;
    }
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
    source = place(from, source);
    from = reach(from);
    target = place(to, target);
    to = reach(to);
    for (int j = 0; j < n; j += LANES) {
      long at = (long) j * Float.BYTES;
      fromMemorySegment(SPECIES, from, source + at, ORDER)
          .add(fromMemorySegment(SPECIES, to, target + at, ORDER))
          .intoMemorySegment(to, target + at, ORDER);
    }
  }

  private static void copyRow(
      MemorySegment from, long source, MemorySegment to, long target, int n) {
    source = place(from, source);
    from = reach(from);
    target = place(to, target);
    to = reach(to);
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
  void turn(MatmulCall call, long source, int rows, MemorySegment to, long target) {
    int whole = SPECIES.loopBound(rows);
    int wholeSteps = SPECIES.loopBound(call.depth);
    for (int first = 0; first < wholeSteps; first += TURN_STEPS) {
      int end = Math.min(wholeSteps, first + TURN_STEPS);
      for (int i = 0; i < whole; i += LANES) {
        for (int p = first; p < end; p += LANES) {
          long from = source + p * call.aStepBytes + (long) i * Float.BYTES;
          long at = target + i * call.tileRowBytes + (long) p * Float.BYTES;
          VectorTranspose.square(call.a, from, call.aStepBytes, to, at, call.tileRowBytes, to, 0);
        }
      }
    }
    ScalarMatmul.turnPart(call, source, wholeSteps, 0, whole, to, target);
    ScalarMatmul.turnPart(call, source, 0, whole, rows, to, target);
  }

  @Override
  void copy(MatmulCall call, long source, long target, int width, int columns, int steps) {
    long stride = call.bStride * Float.BYTES;
    if (columns == VectorPackedTiles.WIDE) {
      VectorPackedTiles.packWide(call.b, source, stride, call.packed, target, steps);
      return;
    }
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
