package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorMath.SPECIES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * The scan's inner loops, a vector of channels at a time.
 *
 * <p>A tile's width is a multiple of the lanes, so these loops have no tails. {@link
 * VectorStateLoops} holds the loops over states.
 */
final class VectorScanLoops implements ScanLoops {
  private static final int LANES = SPECIES.length();

  /** Only for elements that fill no vector. */
  private static final ScanLoops TAIL = new ScalarScanLoops();

  static FloatVector load(MemorySegment segment, long bytes) {
    return FloatVector.fromMemorySegment(SPECIES, segment, bytes, ByteOrder.nativeOrder());
  }

  static void store(FloatVector value, MemorySegment segment, long bytes) {
    value.intoMemorySegment(segment, bytes, ByteOrder.nativeOrder());
  }

  @Override
  public void clear(MemorySegment tile, long offset, long floats) {
    long i = 0;
    for (; i <= floats - LANES; i += LANES) {
      store(FloatVector.zero(SPECIES), tile, (offset + i) << 2);
    }
    TAIL.clear(tile, offset + i, floats - i);
  }

  @Override
  public void copyIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols) {
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) << 2;
      long to = (target + (long) r * width) << 2;
      for (int i = 0; i < whole; i += LANES) {
        store(load(source, from + 4L * i), tile, to + 4L * i);
      }
      if (whole < width) {
        long rest = target + (long) r * width + whole;
        TAIL.copyIn(
            source, offset + r * stride + whole, 0, tile, rest, width - whole, 1, cols - whole);
      }
    }
  }

  @Override
  public void addIn(
      MemorySegment source,
      long offset,
      long stride,
      MemorySegment tile,
      long target,
      int width,
      int rows,
      int cols) {
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) << 2;
      long to = (target + (long) r * width) << 2;
      for (int i = 0; i < whole; i += LANES) {
        store(load(tile, to + 4L * i).add(load(source, from + 4L * i)), tile, to + 4L * i);
      }
    }
    if (whole < cols) {
      TAIL.addIn(source, offset + whole, stride, tile, target + whole, width, rows, cols - whole);
    }
  }

  @Override
  public void copyOut(
      MemorySegment tile,
      long source,
      int width,
      MemorySegment target,
      long offset,
      long stride,
      int rows,
      int cols) {
    int whole = SPECIES.loopBound(cols);
    for (int r = 0; r < rows; r++) {
      long from = (source + (long) r * width) << 2;
      long to = (offset + r * stride) << 2;
      for (int i = 0; i < whole; i += LANES) {
        store(load(tile, from + 4L * i), target, to + 4L * i);
      }
    }
    if (whole < cols) {
      TAIL.copyOut(tile, source + whole, width, target, offset + whole, stride, rows, cols - whole);
    }
  }

  @Override
  public void sumPartials(
      MemorySegment source,
      long offset,
      long stride,
      int count,
      MemorySegment target,
      long targetOffset,
      int cols) {
    int whole = SPECIES.loopBound(cols);
    for (int i = 0; i < whole; i += LANES) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int k = 0; k < count; k++) {
        sum = sum.add(load(source, (offset + k * stride + i) << 2));
      }
      store(sum, target, (targetOffset + i) << 2);
    }
    TAIL.sumPartials(
        source, offset + whole, stride, count, target, targetOffset + whole, cols - whole);
  }

  @Override
  public void prepare(
      MemorySegment tile,
      int steps,
      int chunk,
      int width,
      int states,
      boolean softplus,
      boolean zoh) {
    long panel = ScanTile.panel(4, chunk, width);
    for (int e = 0; e < width; e += LANES) {
      FloatVector bias = load(tile, (ScanTile.bias(chunk, width, states) + e) << 2);
      FloatVector skip = load(tile, (ScanTile.skip(chunk, width, states) + e) << 2);
      long at = 4L * e;
      for (int t = 0; t < steps; t++) {
        FloatVector u = load(tile, ScanTile.U * panel + at);
        FloatVector raw = load(tile, ScanTile.RAW * panel + at).add(bias);
        FloatVector delta = softplus ? VectorMath.softplus(raw) : raw;
        store(raw, tile, ScanTile.RAW * panel + at);
        store(delta, tile, ScanTile.DELTA * panel + at);
        store(zoh ? u : delta.mul(u), tile, ScanTile.INPUT * panel + at);
        store(skip.mul(u), tile, ScanTile.OUT * panel + at);
        at += 4L * width;
      }
    }
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    for (int n = 0; n < states; n += ScanTile.STATE_UNROLL) {
      for (int e = 0; e < width; e += LANES) {
        VectorStateLoops.forward(tile, steps, chunk, width, states, n * width + e, zoh);
      }
    }
  }

  @Override
  public void gate(MemorySegment tile, int steps, int chunk, int width) {
    long out = ScanTile.panel(ScanTile.OUT, chunk, width) << 2;
    long z = ScanTile.panel(ScanTile.Z, chunk, width) << 2;
    for (long i = 0; i < 4L * steps * width; i += 4L * LANES) {
      store(load(tile, out + i).mul(VectorMath.silu(load(tile, z + i))), tile, out + i);
    }
  }

  @Override
  public void gateGrad(MemorySegment tile, int steps, int chunk, int width) {
    long grad = ScanTile.panel(ScanTile.OUT_GRAD, chunk, width) << 2;
    long gate = ScanTile.panel(ScanTile.Z, chunk, width) << 2;
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    for (long i = 0; i < 4L * steps * width; i += 4L * LANES) {
      FloatVector z = load(tile, gate + i);
      FloatVector sigmoid = VectorMath.sigmoid(z);
      FloatVector scaled = load(tile, grad + i).mul(sigmoid);
      store(scaled.mul(z.fma(one.sub(sigmoid), one)), tile, gate + i);
      store(scaled.mul(z), tile, grad + i);
    }
  }

  @Override
  public void scanStatesGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    long panel = ScanTile.panel(1, chunk, width);
    clear(tile, ScanTile.INPUT_GRAD * panel, (long) steps * width);
    clear(tile, ScanTile.DELTA_GRAD * panel, (long) steps * width);
    for (int n = 0; n < states; n += VectorStateLoops.PAIR) {
      VectorStateLoops.clearSums(tile, steps, chunk, width, states);
      for (int e = 0; e < width; e += LANES) {
        VectorStateLoops.keepDecays(tile, steps, chunk, width, states, n * width + e, zoh);
        if (zoh) {
          VectorStateLoops.runBackZoh(tile, steps, chunk, width, states, n * width + e);
        } else {
          VectorStateLoops.runBack(tile, steps, chunk, width, states, n * width + e);
        }
      }
      VectorStateLoops.sumLanes(tile, steps, chunk, width, states, n);
    }
  }

  @Override
  public void carryGrad(MemorySegment tile, int steps, int chunk, int width, int states) {
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e += LANES) {
        VectorStateLoops.carryGrad(tile, steps, chunk, width, states, n * width + e);
      }
    }
  }

  @Override
  public void finishGrad(
      MemorySegment tile,
      int steps,
      int chunk,
      int width,
      int states,
      boolean softplus,
      boolean zoh) {
    long panel = ScanTile.panel(4, chunk, width);
    for (int e = 0; e < width; e += LANES) {
      long skipGradAt = (ScanTile.skipGrad(chunk, width, states) + e) << 2;
      long biasGradAt = (ScanTile.biasGrad(chunk, width, states) + e) << 2;
      FloatVector skip = load(tile, (ScanTile.skip(chunk, width, states) + e) << 2);
      FloatVector skipGrad = load(tile, skipGradAt);
      FloatVector biasGrad = load(tile, biasGradAt);
      for (int t = steps - 1; t >= 0; t--) {
        long at = ((long) t * width + e) << 2;
        FloatVector u = load(tile, ScanTile.U * panel + at);
        FloatVector outGrad = load(tile, ScanTile.OUT_GRAD * panel + at);
        FloatVector inputGrad = load(tile, ScanTile.INPUT_GRAD * panel + at);
        FloatVector deltaGrad = load(tile, ScanTile.DELTA_GRAD * panel + at).mul(ScalarMath.LN2);
        if (!zoh) {
          deltaGrad = u.fma(inputGrad, deltaGrad);
          inputGrad = inputGrad.mul(load(tile, ScanTile.DELTA * panel + at));
        }
        FloatVector raw = load(tile, ScanTile.RAW * panel + at);
        FloatVector rawGrad = softplus ? deltaGrad.mul(VectorMath.sigmoid(raw)) : deltaGrad;
        FloatVector z = load(tile, ScanTile.Z * panel + at);
        store(rawGrad, tile, ScanTile.RAW * panel + at);
        store(skip.fma(outGrad, inputGrad), tile, ScanTile.INPUT_GRAD * panel + at);
        store(z.mul(load(tile, ScanTile.OUT * panel + at)), tile, ScanTile.Z * panel + at);
        skipGrad = outGrad.fma(u, skipGrad);
        biasGrad = biasGrad.add(rawGrad);
      }
      store(skipGrad, tile, skipGradAt);
      store(biasGrad, tile, biasGradAt);
    }
  }
}
