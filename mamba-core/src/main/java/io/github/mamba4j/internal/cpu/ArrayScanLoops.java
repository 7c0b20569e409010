package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScalarMath.*;

import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The loops of a forward scan under Euler's rule with the bits of {@link VectorScanLoops}, over
 * arrays. A tile is an array; its panels are [panel, chunk, width] here, because no other loops
 * read them.
 */
final class ArrayScanLoops extends ScalarScanLoops {
  /** Elements a call, see {@link ArrayRows#PIECE}. */
  private static final int PIECE = ArrayRows.PIECE;

  private static final int SIGN = Integer.MIN_VALUE;

  /** The bits of the largest magnitude that an exponential gets, as in {@link VectorPointLoops}. */
  private static final int HIGHEST = Float.floatToRawIntBits(87.3f);

  @Override
  public MemorySegment claim(Scratch scratch, long floats) {
    return scratch.heapFloats(Math.toIntExact(floats));
  }

  private static float[] array(MemorySegment tile) {
    return (float[]) tile.heapBase().orElseThrow();
  }

  @Override
  public void clear(MemorySegment tile, long offset, long floats) {
    Arrays.fill(array(tile), (int) offset, (int) (offset + floats), 0);
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
    float[] to = array(tile);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) << 2;
      MemorySegment.copy(source, CpuStorage.FLOAT, from, to, (int) target + r * width, cols);
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
    float[] from = array(tile);
    for (int r = 0; r < rows; r++) {
      long to = (offset + r * stride) << 2;
      MemorySegment.copy(from, (int) source + r * width, target, CpuStorage.FLOAT, to, cols);
    }
  }

  @Override
  public void scaleDiagonal(MemorySegment tile, int chunk, int width, int states, boolean zoh) {
    float[] values = array(tile);
    int a = (int) ScanTile.a(chunk, width);
    int skip = (int) ScanTile.skip(chunk, width, states);
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e += PIECE) {
        scaleRow(values, a + n * width + e, skip + e, Math.min(PIECE, width - e));
      }
    }
  }

  private static void scaleRow(float[] values, int a, int skip, int width) {
    for (int e = 0; e < width; e++) {
      float rate = values[a + e];
      // What is no finite number would be hidden by the exponential.
      values[skip + e] += Math.abs(rate) <= Float.MAX_VALUE ? 0 : Float.NaN;
      values[a + e] = rate * LOG2_E;
    }
  }

  /** Copies the rows of a chunk to a panel, filled up with zeros. */
  private void panelIn(MemorySegment tile, Shape shape, View view, long row, int block, int panel) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int channels = ScanStage.channels(shape, block);
    int steps = ScanStage.steps(shape, row);
    int to = panel * chunk * width;
    if (channels < width) {
      clear(tile, to, (long) chunk * width);
    }
    long from = ScanStage.offset(shape, view, row, block);
    copyIn(CpuStorage.of(view), from, view.stride(), tile, to, width, steps, channels);
  }

  @Override
  public void enter(MemorySegment tile, Shape shape, Inputs inputs, long row, int block) {
    panelIn(tile, shape, inputs.u(), row, block, ScanTile.U);
    panelIn(tile, shape, inputs.dt(), row, block, ScanTile.RAW);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int bias = (int) ScanTile.bias(chunk, width, shape.dState());
    int skip = (int) ScanTile.skip(chunk, width, shape.dState());
    int panel = chunk * width;
    float[] values = array(tile);
    for (int t = 0; t < ScanStage.steps(shape, row); t++) {
      for (int e = 0; e < width; e += PIECE) {
        int n = Math.min(PIECE, width - e);
        enter(values, t * width + e, panel, bias + e, shape.softplus(), n);
        multiply(values, t * width + e, panel, skip + e, n);
      }
    }
  }

  /** Leaves Δ of some channels. */
  private static void enter(float[] v, int at, int panel, int bias, boolean softplus, int n) {
    int raw = at + ScanTile.RAW * panel;
    int delta = at + ScanTile.DELTA * panel;
    for (int e = 0; e < n; e++) {
      float x = v[raw + e] + v[bias + e];
      v[delta + e] = softplus ? softplus(x) : x;
    }
  }

  private static float softplus(float raw) {
    int bits = Float.floatToRawIntBits(raw) | SIGN;
    float x = exponential(Float.intBitsToFloat(Math.min(bits, HIGHEST | SIGN)));
    return Math.fma(raw + Math.abs(raw), 0.5f, log1pUnit(x));
  }

  /** Leaves Δ·u and the direct path of some channels. */
  private static void multiply(float[] v, int at, int panel, int skip, int n) {
    int u = at + ScanTile.U * panel;
    int delta = at + ScanTile.DELTA * panel;
    int input = at + ScanTile.INPUT * panel;
    int out = at + ScanTile.OUT * panel;
    for (int e = 0; e < n; e++) {
      float x = v[u + e];
      v[input + e] = x * v[delta + e];
      v[out + e] = x * v[skip + e];
    }
  }

  /** Returns {@code e^x} for magnitudes up to {@link #HIGHEST}. */
  private static float exponential(float x) {
    float scale = Math.fma(x, LOG2_E, ROUNDER);
    float n = scale - ROUNDER;
    float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    float p = Math.fma(Math.fma(Math.fma(Math.fma(r, E6, E5), r, E4), r, E3), r, E2);
    int bits = Float.floatToRawIntBits(Math.fma(r * r, p, r) + 1);
    return Float.intBitsToFloat(bits + (Float.floatToRawIntBits(scale) << MANTISSA_BITS));
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    float[] values = array(tile);
    int a = (int) ScanTile.a(chunk, width);
    int state = (int) ScanTile.state(chunk, width, states);
    int b = (int) ScanTile.b(chunk, width, states);
    int c = (int) ScanTile.c(chunk, width, states);
    float[] decays = ArrayRows.room(0, PIECE);
    for (int n = 0; n < states; n++) {
      for (int t = 0; t < steps; t++) {
        int p = t * states + n;
        for (int e = 0; e < width; e += PIECE) {
          int at = t * width + e;
          int row = n * width + e;
          int count = Math.min(PIECE, width - e);
          decays(values, at, a + row, decays, steps >= FEW_STEPS, count);
          step(values, at, chunk * width, decays, state + row, values[b + p], values[c + p], count);
        }
      }
    }
  }

  /**
   * Leaves {@code exp(ΔA)}. With many steps the product is not rounded, as in {@link
   * VectorEulerLoops}, with few it is, as in {@link VectorStateLoops#step}.
   */
  private static void decays(
      float[] v, int delta, int a, float[] decays, boolean fused, int count) {
    for (int e = 0; e < count; e++) {
      float d = v[delta + e];
      float rate = v[a + e];
      float y = d * rate;
      float n = fused ? Math.fma(d, rate, ROUNDER) : y + ROUNDER;
      float f = fused ? Math.fma(d, rate, ROUNDER - n) : y - (n - ROUNDER);
      float p = Math.fma(Math.fma(Math.fma(P5, f, P4), f, P3), f, P2);
      p = Math.fma(Math.fma(p, f, P1), f, 1);
      int exponent = Math.min(Math.max(Float.floatToRawIntBits(n), EXPONENT_MIN), EXPONENT_MAX);
      decays[e] = Float.intBitsToFloat(Float.floatToRawIntBits(p) + (exponent << MANTISSA_BITS));
    }
  }

  private static void step(
      float[] v, int at, int panel, float[] decays, int state, float b, float c, int count) {
    int input = at + ScanTile.INPUT * panel;
    int out = at + ScanTile.OUT * panel;
    for (int e = 0; e < count; e++) {
      float h = Math.fma(v[state + e], decays[e], v[input + e] * b);
      v[state + e] = h;
      v[out + e] = Math.fma(h, c, v[out + e]);
    }
  }

  @Override
  public void leave(
      MemorySegment tile, Shape shape, @Nullable View z, View out, long row, int block) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int steps = ScanStage.steps(shape, row);
    if (z != null) {
      panelIn(tile, shape, z, row, block, ScanTile.Z);
      float[] values = array(tile);
      for (int at = 0; at < steps * width; at += PIECE) {
        gate(values, at, chunk * width, Math.min(PIECE, steps * width - at));
      }
    }
    long to = ScanStage.offset(shape, out, row, block);
    int from = ScanTile.OUT * chunk * width;
    int channels = ScanStage.channels(shape, block);
    copyOut(tile, from, width, CpuStorage.of(out), to, out.stride(), steps, channels);
  }

  private static void gate(float[] v, int at, int panel, int n) {
    int gate = at + ScanTile.Z * panel;
    int out = at + ScanTile.OUT * panel;
    for (int e = 0; e < n; e++) {
      float z = v[gate + e];
      int bits = Float.floatToRawIntBits(z);
      int magnitude = Math.min(bits & ~SIGN, HIGHEST);
      float x = Float.intBitsToFloat((magnitude | (bits & SIGN)) ^ SIGN);
      v[out + e] = z / (exponential(x) + 1) * v[out + e];
    }
  }
}
