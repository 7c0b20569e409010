package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorMath.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorScanLoops.load;
import static io.github.mamba4j.internal.cpu.VectorScanLoops.store;

import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The first-order scan's inner loops, a vector of columns at a time and the rest one by one. */
final class VectorPrefixColumns implements PrefixScan.Columns {
  private static final int LANES = SPECIES.length();
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
    carry = offHeap(carry);
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment b = CpuStorage.of(scan.b());
    MemorySegment out = CpuStorage.of(scan.out());
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      long aAt = start(scan.a(), row, col + i);
      long bAt = start(scan.b(), row, col + i);
      long outAt = start(scan.out(), row, col + i);
      FloatVector h = load(carry, (offset + i) << 2);
      for (int t = 0; t < steps; t++) {
        h = load(a, aAt).fma(h, load(b, bAt));
        store(h, out, outAt);
        aAt += pitch(scan, scan.a());
        bAt += pitch(scan, scan.b());
        outAt += pitch(scan, scan.out());
      }
      store(h, carry, (offset + i) << 2);
    }
    TAIL.scan(scan, row, steps, col + whole, cols - whole, carry, offset + whole);
  }

  @Override
  public void product(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment target, long offset) {
    target = offHeap(target);
    MemorySegment a = CpuStorage.of(scan.a());
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      long aAt = start(scan.a(), row, col + i);
      FloatVector product = FloatVector.broadcast(SPECIES, 1);
      for (int t = 0; t < steps; t++) {
        product = product.mul(load(a, aAt));
        aAt += pitch(scan, scan.a());
      }
      store(product, target, (offset + i) << 2);
    }
    TAIL.product(scan, row, steps, col + whole, cols - whole, target, offset + whole);
  }

  @Override
  public void correct(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset) {
    carry = offHeap(carry);
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment out = CpuStorage.of(scan.out());
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      long aAt = start(scan.a(), row, col + i);
      long outAt = start(scan.out(), row, col + i);
      FloatVector state = load(carry, (offset + i) << 2);
      for (int t = 0; t < steps; t++) {
        state = state.mul(load(a, aAt));
        store(load(out, outAt).add(state), out, outAt);
        aAt += pitch(scan, scan.a());
        outAt += pitch(scan, scan.out());
      }
    }
    TAIL.correct(scan, row, steps, col + whole, cols - whole, carry, offset + whole);
  }

  @Override
  public void combine(MemorySegment pairs, long left, long right, long plane, int cols) {
    pairs = offHeap(pairs);
    int whole = SPECIES.loopBound(cols);
    for (long i = 0; i < 4L * whole; i += 4L * LANES) {
      long leftAt = (left << 2) + i;
      long rightAt = (right << 2) + i;
      FloatVector a = load(pairs, rightAt);
      FloatVector b =
          a.fma(load(pairs, leftAt + (plane << 2)), load(pairs, rightAt + (plane << 2)));
      store(a.mul(load(pairs, leftAt)), pairs, rightAt);
      store(b, pairs, rightAt + (plane << 2));
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
      FloatVector state = load(pairs, rightAt);
      FloatVector after = load(pairs, leftAt).fma(state, load(pairs, leftAt + (plane << 2)));
      store(state, pairs, leftAt + (plane << 2));
      store(after, pairs, rightAt);
    }
    TAIL.distribute(pairs, left + whole, right + whole, plane, cols - whole);
  }

  @Override
  public void apply(Prefix scan, long row, MemorySegment states, long offset) {
    states = offHeap(states);
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment b = CpuStorage.of(scan.b());
    MemorySegment out = CpuStorage.of(scan.out());
    int whole = SPECIES.loopBound(scan.width());
    for (int i = 0; i < whole; i += LANES) {
      FloatVector h =
          load(a, start(scan.a(), row, i))
              .fma(load(states, (offset + i) << 2), load(b, start(scan.b(), row, i)));
      store(h, out, start(scan.out(), row, i));
    }
    TAIL.apply(scan, row, whole, states, offset);
  }
}
