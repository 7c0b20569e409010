package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The first-order scan's inner loops, a vector of columns at a time and the rest one by one. */
final class VectorPrefixColumns implements PrefixScan.Columns {
  private static final ScalarPrefixColumns TAIL = new ScalarPrefixColumns();

  private static long start(View view, long row, int col) {
    return (view.offset() + row * view.stride() + col) << 2;
  }

  private static long pitch(Prefix scan, View view) {
    return (scan.reverse() ? -view.stride() : view.stride()) << 2;
  }

  @Override
  public void scan(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset) {
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      scanColumn(scan, row, steps, col + i, carry, (offset + i) << 2);
    }
    TAIL.scan(scan, row, steps, col + whole, cols - whole, carry, offset + whole);
  }

  private static void scanColumn(
      Prefix scan, long row, int steps, int col, MemorySegment carry, long carryAt) {
    carry = offHeap(carry);
    MemorySegment a = offHeap(CpuStorage.of(scan.a()));
    MemorySegment b = offHeap(CpuStorage.of(scan.b()));
    MemorySegment out = offHeap(CpuStorage.of(scan.out()));
    long aAt = start(scan.a(), row, col);
    long bAt = start(scan.b(), row, col);
    long outAt = start(scan.out(), row, col);
    long aPitch = pitch(scan, scan.a());
    long bPitch = pitch(scan, scan.b());
    long outPitch = pitch(scan, scan.out());
    FloatVector h = fromMemorySegment(SPECIES, carry, carryAt, ORDER);
    for (int t = 0; t < steps; t++) {
      FloatVector input = fromMemorySegment(SPECIES, b, bAt + t * bPitch, ORDER);
      h = fromMemorySegment(SPECIES, a, aAt + t * aPitch, ORDER).fma(h, input);
      h.intoMemorySegment(out, outAt + t * outPitch, ORDER);
    }
    h.intoMemorySegment(carry, carryAt, ORDER);
  }

  @Override
  public void product(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment target, long offset) {
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      productOfColumn(scan, row, steps, col + i, target, (offset + i) << 2);
    }
    TAIL.product(scan, row, steps, col + whole, cols - whole, target, offset + whole);
  }

  private static void productOfColumn(
      Prefix scan, long row, int steps, int col, MemorySegment target, long targetAt) {
    target = offHeap(target);
    MemorySegment a = offHeap(CpuStorage.of(scan.a()));
    long aAt = start(scan.a(), row, col);
    long aPitch = pitch(scan, scan.a());
    FloatVector product = FloatVector.broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      product = product.mul(fromMemorySegment(SPECIES, a, aAt + t * aPitch, ORDER));
    }
    product.intoMemorySegment(target, targetAt, ORDER);
  }

  @Override
  public void correct(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset) {
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      correctColumn(scan, row, steps, col + i, carry, (offset + i) << 2);
    }
    TAIL.correct(scan, row, steps, col + whole, cols - whole, carry, offset + whole);
  }

  private static void correctColumn(
      Prefix scan, long row, int steps, int col, MemorySegment carry, long carryAt) {
    MemorySegment a = offHeap(CpuStorage.of(scan.a()));
    MemorySegment out = offHeap(CpuStorage.of(scan.out()));
    long aAt = start(scan.a(), row, col);
    long outAt = start(scan.out(), row, col);
    long aPitch = pitch(scan, scan.a());
    long outPitch = pitch(scan, scan.out());
    FloatVector state = fromMemorySegment(SPECIES, offHeap(carry), carryAt, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = outAt + t * outPitch;
      state = state.mul(fromMemorySegment(SPECIES, a, aAt + t * aPitch, ORDER));
      fromMemorySegment(SPECIES, out, at, ORDER).add(state).intoMemorySegment(out, at, ORDER);
    }
  }

  @Override
  public void combine(MemorySegment pairs, long left, long right, long plane, int cols) {
    pairs = offHeap(pairs);
    int whole = SPECIES.loopBound(cols);
    for (long i = 0; i < 4L * whole; i += 4L * LANES) {
      long leftAt = (left << 2) + i;
      long rightAt = (right << 2) + i;
      FloatVector a = fromMemorySegment(SPECIES, pairs, rightAt, ORDER);
      FloatVector b =
          a.fma(
              fromMemorySegment(SPECIES, pairs, leftAt + (plane << 2), ORDER),
              fromMemorySegment(SPECIES, pairs, rightAt + (plane << 2), ORDER));
      a.mul(fromMemorySegment(SPECIES, pairs, leftAt, ORDER))
          .intoMemorySegment(pairs, rightAt, ORDER);
      b.intoMemorySegment(pairs, rightAt + (plane << 2), ORDER);
    }
    TAIL.combine(pairs, left + whole, right + whole, plane, cols - whole);
  }

  @Override
  public void distribute(MemorySegment pairs, long left, long right, long plane, int cols) {
    pairs = offHeap(pairs);
    int whole = SPECIES.loopBound(cols);
    for (long i = 0; i < 4L * whole; i += 4L * LANES) {
      long leftAt = (left << 2) + i;
      long rightAt = ((right + plane) << 2) + i;
      FloatVector state = fromMemorySegment(SPECIES, pairs, rightAt, ORDER);
      FloatVector after =
          fromMemorySegment(SPECIES, pairs, leftAt, ORDER)
              .fma(state, fromMemorySegment(SPECIES, pairs, leftAt + (plane << 2), ORDER));
      state.intoMemorySegment(pairs, leftAt + (plane << 2), ORDER);
      after.intoMemorySegment(pairs, rightAt, ORDER);
    }
    TAIL.distribute(pairs, left + whole, right + whole, plane, cols - whole);
  }

  @Override
  public void apply(Prefix scan, long row, MemorySegment states, long offset) {
    states = offHeap(states);
    MemorySegment a = offHeap(CpuStorage.of(scan.a()));
    MemorySegment b = offHeap(CpuStorage.of(scan.b()));
    MemorySegment out = offHeap(CpuStorage.of(scan.out()));
    int whole = SPECIES.loopBound(scan.width());
    for (int i = 0; i < whole; i += LANES) {
      FloatVector h =
          fromMemorySegment(SPECIES, a, start(scan.a(), row, i), ORDER)
              .fma(
                  fromMemorySegment(SPECIES, states, (offset + i) << 2, ORDER),
                  fromMemorySegment(SPECIES, b, start(scan.b(), row, i), ORDER));
      h.intoMemorySegment(out, start(scan.out(), row, i), ORDER);
    }
    TAIL.apply(scan, row, whole, states, offset);
  }
}
