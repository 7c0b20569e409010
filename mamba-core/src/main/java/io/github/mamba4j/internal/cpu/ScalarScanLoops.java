package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** The scan's inner loops, one channel at a time. */
final class ScalarScanLoops implements ScanLoops {
  @Override
  public void clear(MemorySegment tile, long offset, long floats) {
    for (long i = 0; i < floats; i++) {
      set(tile, offset + i, 0);
    }
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
    for (int r = 0; r < rows; r++) {
      long to = target + (long) r * width;
      for (int i = 0; i < cols; i++) {
        set(tile, to + i, get(source, offset + r * stride + i));
      }
      clear(tile, to + cols, width - cols);
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < cols; i++) {
        long at = target + (long) r * width + i;
        set(tile, at, get(tile, at) + get(source, offset + r * stride + i));
      }
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
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < cols; i++) {
        set(target, offset + r * stride + i, get(tile, source + (long) r * width + i));
      }
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
    for (int i = 0; i < cols; i++) {
      float sum = 0;
      for (int k = 0; k < count; k++) {
        sum += get(source, offset + k * stride + i);
      }
      set(target, targetOffset + i, sum);
    }
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
    long panel = ScanTile.panel(1, chunk, width);
    for (int t = 0; t < steps; t++) {
      for (int e = 0; e < width; e++) {
        long at = (long) t * width + e;
        float u = get(tile, ScanTile.U * panel + at);
        float raw =
            get(tile, ScanTile.RAW * panel + at)
                + get(tile, ScanTile.bias(chunk, width, states) + e);
        float delta = softplus ? ScalarMath.softplus(raw) : raw;
        set(tile, ScanTile.RAW * panel + at, raw);
        set(tile, ScanTile.DELTA * panel + at, delta);
        set(tile, ScanTile.INPUT * panel + at, zoh ? u : delta * u);
        float skip = get(tile, ScanTile.skip(chunk, width, states) + e);
        set(tile, ScanTile.OUT * panel + at, skip * u);
      }
    }
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    long panel = ScanTile.panel(1, chunk, width);
    for (int t = 0; t < steps; t++) {
      for (int n = 0; n < states; n++) {
        float b = get(tile, ScanTile.b(chunk, width, states) + (long) t * states + n);
        float c = get(tile, ScanTile.c(chunk, width, states) + (long) t * states + n);
        for (int e = 0; e < width; e++) {
          long at = (long) t * width + e;
          long state = (long) n * width + e;
          float y =
              get(tile, ScanTile.DELTA * panel + at) * get(tile, ScanTile.a(chunk, width) + state);
          float input = get(tile, ScanTile.INPUT * panel + at);
          if (zoh) {
            input *= gain(tile, y, ScanTile.inverseA(chunk, width, states) + state);
          }
          long h = ScanTile.state(chunk, width, states) + state;
          float next = Math.fma(input, b, ScalarMath.exp2(y) * get(tile, h));
          set(tile, h, next);
          long out = ScanTile.OUT * panel + at;
          set(tile, out, Math.fma(next, c, get(tile, out)));
        }
      }
    }
  }

  /** {@code (e^ΔA − 1)/A}. */
  private static float gain(MemorySegment tile, float y, long inverseA) {
    return ScalarMath.exp2MinusOne(y) * get(tile, inverseA);
  }

  @Override
  public void gate(MemorySegment tile, int steps, int chunk, int width) {
    long out = ScanTile.panel(ScanTile.OUT, chunk, width);
    long z = ScanTile.panel(ScanTile.Z, chunk, width);
    for (long i = 0; i < (long) steps * width; i++) {
      set(tile, out + i, get(tile, out + i) * ScalarMath.silu(get(tile, z + i)));
    }
  }

  @Override
  public void gateGrad(MemorySegment tile, int steps, int chunk, int width) {
    long grad = ScanTile.panel(ScanTile.OUT_GRAD, chunk, width);
    long gate = ScanTile.panel(ScanTile.Z, chunk, width);
    for (long i = 0; i < (long) steps * width; i++) {
      float z = get(tile, gate + i);
      float sigmoid = ScalarMath.sigmoid(z);
      float scaled = get(tile, grad + i) * sigmoid;
      set(tile, gate + i, scaled * Math.fma(z, 1 - sigmoid, 1));
      set(tile, grad + i, scaled * z);
    }
  }

  @Override
  public void scanStatesGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    long panel = ScanTile.panel(1, chunk, width);
    clear(tile, ScanTile.INPUT_GRAD * panel, (long) steps * width);
    clear(tile, ScanTile.DELTA_GRAD * panel, (long) steps * width);
    clear(tile, ScanTile.bGrad(chunk, width, states), (long) steps * states);
    clear(tile, ScanTile.cGrad(chunk, width, states), (long) steps * states);
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e++) {
        keepDecays(tile, steps, chunk, width, states, n * width + e, zoh);
        runBack(tile, steps, chunk, width, states, n * width + e, zoh);
      }
    }
  }

  /** Runs a state forward and leaves {@code a} and {@code a·h} of every step in the work room. */
  private static void keepDecays(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, boolean zoh) {
    long panel = ScanTile.panel(1, chunk, width);
    long work = ScanTile.work(chunk, width, states);
    int n = state / width;
    float a = get(tile, ScanTile.a(chunk, width) + state);
    float h = get(tile, ScanTile.state(chunk, width, states) + state);
    for (int t = 0; t < steps; t++) {
      long at = (long) t * width + state % width;
      long step = (long) t * states + n;
      float y = get(tile, ScanTile.DELTA * panel + at) * a;
      float input = get(tile, ScanTile.INPUT * panel + at);
      if (zoh) {
        input *= gain(tile, y, ScanTile.inverseA(chunk, width, states) + state);
      }
      float decay = ScalarMath.exp2(y);
      float kept = decay * h;
      set(tile, work + 2L * t, decay);
      set(tile, work + 2L * t + 1, kept);
      h = Math.fma(input, get(tile, ScanTile.b(chunk, width, states) + step), kept);
      long out = ScanTile.OUT * panel + at;
      set(
          tile,
          out,
          Math.fma(h, get(tile, ScanTile.c(chunk, width, states) + step), get(tile, out)));
      addProduct(
          tile,
          ScanTile.cGrad(chunk, width, states) + step,
          h,
          get(tile, ScanTile.OUT_GRAD * panel + at));
    }
  }

  private static void runBack(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, boolean zoh) {
    long panel = ScanTile.panel(1, chunk, width);
    long work = ScanTile.work(chunk, width, states);
    float a = get(tile, ScanTile.a(chunk, width) + state);
    long stateGrad = ScanTile.stateGrad(chunk, width, states) + state;
    long aGrad = ScanTile.aGrad(chunk, width, states) + state;
    float carried = get(tile, stateGrad);
    for (int t = steps - 1; t >= 0; t--) {
      long at = (long) t * width + state % width;
      long step = (long) t * states + state / width;
      float delta = get(tile, ScanTile.DELTA * panel + at);
      float input = get(tile, ScanTile.INPUT * panel + at);
      float decay = get(tile, work + 2L * t);
      float c = get(tile, ScanTile.c(chunk, width, states) + step);
      float g = Math.fma(get(tile, ScanTile.OUT_GRAD * panel + at), c, carried);
      float gb = g * get(tile, ScanTile.b(chunk, width, states) + step);
      float gah = g * get(tile, work + 2L * t + 1);
      float bGrad = g * input;
      addProduct(tile, ScanTile.DELTA_GRAD * panel + at, gah, a);
      addProduct(tile, aGrad, gah, delta);
      if (zoh) {
        float y = delta * a;
        float gain = gain(tile, y, ScanTile.inverseA(chunk, width, states) + state);
        float slope =
            ScalarMath.zohSlope(y * ScalarMath.LN2, decay, ScalarMath.exp2MinusOne(y));
        addProduct(tile, ScanTile.DELTA_GRAD * panel + at, gb * input * decay, ScalarMath.LOG2_E);
        addProduct(tile, aGrad, gb * input, delta * delta * slope);
        gb *= gain;
        bGrad *= gain;
      }
      addProduct(tile, ScanTile.INPUT_GRAD * panel + at, gb, 1);
      addProduct(tile, ScanTile.bGrad(chunk, width, states) + step, bGrad, 1);
      carried = decay * g;
    }
    set(tile, stateGrad, carried);
  }

  private static void addProduct(MemorySegment tile, long at, float x, float y) {
    set(tile, at, Math.fma(x, y, get(tile, at)));
  }

  @Override
  public void carryGrad(MemorySegment tile, int steps, int chunk, int width, int states) {
    long panel = ScanTile.panel(1, chunk, width);
    for (int t = steps - 1; t >= 0; t--) {
      for (int n = 0; n < states; n++) {
        float c = get(tile, ScanTile.c(chunk, width, states) + (long) t * states + n);
        for (int e = 0; e < width; e++) {
          long at = (long) t * width + e;
          long state = (long) n * width + e;
          float y =
              get(tile, ScanTile.DELTA * panel + at) * get(tile, ScanTile.a(chunk, width) + state);
          long grad = ScanTile.stateGrad(chunk, width, states) + state;
          float g = Math.fma(get(tile, ScanTile.OUT_GRAD * panel + at), c, get(tile, grad));
          set(tile, grad, ScalarMath.exp2(y) * g);
        }
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
    long panel = ScanTile.panel(1, chunk, width);
    for (int t = steps - 1; t >= 0; t--) {
      for (int e = 0; e < width; e++) {
        long at = (long) t * width + e;
        float u = get(tile, ScanTile.U * panel + at);
        float outGrad = get(tile, ScanTile.OUT_GRAD * panel + at);
        float inputGrad = get(tile, ScanTile.INPUT_GRAD * panel + at);
        float deltaGrad = get(tile, ScanTile.DELTA_GRAD * panel + at) * ScalarMath.LN2;
        if (!zoh) {
          deltaGrad = Math.fma(u, inputGrad, deltaGrad);
          inputGrad *= get(tile, ScanTile.DELTA * panel + at);
        }
        float raw = get(tile, ScanTile.RAW * panel + at);
        float rawGrad = softplus ? deltaGrad * ScalarMath.sigmoid(raw) : deltaGrad;
        set(tile, ScanTile.RAW * panel + at, rawGrad);
        float skip = get(tile, ScanTile.skip(chunk, width, states) + e);
        set(tile, ScanTile.INPUT_GRAD * panel + at, Math.fma(skip, outGrad, inputGrad));
        long z = ScanTile.Z * panel + at;
        set(tile, z, get(tile, z) * get(tile, ScanTile.OUT * panel + at));
        addProduct(tile, ScanTile.skipGrad(chunk, width, states) + e, outGrad, u);
        addProduct(tile, ScanTile.biasGrad(chunk, width, states) + e, rawGrad, 1);
      }
    }
  }
}
