package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import io.github.mamba4j.spi.ScanKernels.Prefix;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/** The first-order scan's inner loops, one column at a time. */
final class ScalarPrefixColumns implements PrefixScan.Columns {
  private static long element(View view, long row, int col) {
    return view.offset() + row * view.stride() + col;
  }

  @Override
  public void scan(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset) {
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment b = CpuStorage.of(scan.b());
    MemorySegment out = CpuStorage.of(scan.out());
    for (int t = 0; t < steps; t++) {
      long at = scan.reverse() ? row - t : row + t;
      for (int i = 0; i < cols; i++) {
        float h =
            Math.fma(
                get(a, element(scan.a(), at, col + i)),
                get(carry, offset + i),
                get(b, element(scan.b(), at, col + i)));
        set(carry, offset + i, h);
        set(out, element(scan.out(), at, col + i), h);
      }
    }
  }

  @Override
  public void product(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment target, long offset) {
    MemorySegment a = CpuStorage.of(scan.a());
    for (int i = 0; i < cols; i++) {
      float product = 1;
      for (int t = 0; t < steps; t++) {
        product *= get(a, element(scan.a(), scan.reverse() ? row - t : row + t, col + i));
      }
      set(target, offset + i, product);
    }
  }

  @Override
  public void correct(
      Prefix scan, long row, int steps, int col, int cols, MemorySegment carry, long offset) {
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment out = CpuStorage.of(scan.out());
    for (int i = 0; i < cols; i++) {
      float state = get(carry, offset + i);
      for (int t = 0; t < steps; t++) {
        long at = scan.reverse() ? row - t : row + t;
        state *= get(a, element(scan.a(), at, col + i));
        long target = element(scan.out(), at, col + i);
        set(out, target, get(out, target) + state);
      }
    }
  }

  @Override
  public void combine(MemorySegment pairs, long left, long right, long plane, int cols) {
    for (int i = 0; i < cols; i++) {
      float a = get(pairs, right + i);
      float b = Math.fma(a, get(pairs, left + plane + i), get(pairs, right + plane + i));
      set(pairs, right + i, a * get(pairs, left + i));
      set(pairs, right + plane + i, b);
    }
  }

  @Override
  public void distribute(MemorySegment pairs, long left, long right, long plane, int cols) {
    for (int i = 0; i < cols; i++) {
      float state = get(pairs, right + plane + i);
      float after = Math.fma(get(pairs, left + i), state, get(pairs, left + plane + i));
      set(pairs, left + plane + i, state);
      set(pairs, right + plane + i, after);
    }
  }

  @Override
  public void apply(Prefix scan, long row, MemorySegment states, long offset) {
    apply(scan, row, 0, states, offset);
  }

  /** The columns from one on. */
  void apply(Prefix scan, long row, int col, MemorySegment states, long offset) {
    MemorySegment a = CpuStorage.of(scan.a());
    MemorySegment b = CpuStorage.of(scan.b());
    MemorySegment out = CpuStorage.of(scan.out());
    for (int i = col; i < scan.width(); i++) {
      float h =
          Math.fma(
              get(a, element(scan.a(), row, i)),
              get(states, offset + i),
              get(b, element(scan.b(), row, i)));
      set(out, element(scan.out(), row, i), h);
    }
  }
}
