package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import io.github.mamba4j.spi.ScanKernels.Gradients;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.ScanKernels.Shape;
import io.github.mamba4j.spi.Sink;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The scan's inner loops, one channel at a time. */
class ScalarScanLoops implements ScanLoops {
  /**
   * Magnitude below which ZOH takes A as this: the decay is 1 in any case, and (e^ΔA − 1)/A needs
   * no second formula for zero.
   */
  static final float SMALLEST_A = 1e-20f;

  @Override
  public MemorySegment claim(Scratch scratch, long floats) {
    return scratch.floats(floats);
  }

  @Override
  public void release(MemorySegment tile) {
    // Belongs to the thread.
  }

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
  public void scaleDiagonal(MemorySegment tile, int chunk, int width, int states, boolean zoh) {
    for (int state = 0; state < states * width; state++) {
      float a = get(tile, ScanTile.a(chunk, width) + state);
      if (zoh) {
        a = Math.abs(a) < SMALLEST_A ? -SMALLEST_A : a;
        set(tile, ScanTile.inverseA(chunk, width, states) + state, 1 / a);
      }
      if (!(Math.abs(a) <= Float.MAX_VALUE)) {
        set(tile, ScanTile.skip(chunk, width, states) + state % width, Float.NaN);
      }
      set(tile, ScanTile.a(chunk, width) + state, a * ScalarMath.LOG2_E);
    }
  }

  private static void panelIn(
      MemorySegment tile, Shape shape, View view, long row, int block, int panel) {
    MemorySegment source = CpuStorage.of(view);
    int width = ScanTile.width(shape, block);
    int channels = ScanStage.channels(shape, block);
    for (int t = 0; t < ScanStage.steps(shape, row); t++) {
      long from = ScanStage.offset(shape, view, row + t, block);
      for (int e = 0; e < width; e++) {
        float value = e < channels ? get(source, from + e) : 0;
        set(tile, ScanTile.at(panel, ScanTile.chunk(shape), t, e), value);
      }
    }
  }

  private static void panelOut(
      MemorySegment tile, Shape shape, View view, boolean add, long row, int block, int panel) {
    MemorySegment target = CpuStorage.of(view);
    for (int t = 0; t < ScanStage.steps(shape, row); t++) {
      long to = ScanStage.offset(shape, view, row + t, block);
      for (int e = 0; e < ScanStage.channels(shape, block); e++) {
        float value = get(tile, ScanTile.at(panel, ScanTile.chunk(shape), t, e));
        set(target, to + e, add ? get(target, to + e) + value : value);
      }
    }
  }

  private static void panelOut(
      MemorySegment tile, Shape shape, @Nullable Sink sink, long row, int block, int panel) {
    if (sink != null) {
      panelOut(tile, shape, sink.view(), sink.add(), row, block, panel);
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

  private static float read(MemorySegment tile, int panel, long at) {
    return get(tile, at + (long) panel * ScanTile.MAX_LANES);
  }

  private static void write(MemorySegment tile, int panel, long at, float value) {
    set(tile, at + (long) panel * ScanTile.MAX_LANES, value);
  }

  private static void addProduct(MemorySegment tile, long at, float x, float y) {
    set(tile, at, Math.fma(x, y, get(tile, at)));
  }

  private static void addProduct(MemorySegment tile, int panel, long at, float x, float y) {
    addProduct(tile, at + (long) panel * ScanTile.MAX_LANES, x, y);
  }

  @Override
  public void enter(MemorySegment tile, Shape shape, Inputs inputs, long row, int block) {
    panelIn(tile, shape, inputs.u(), row, block, ScanTile.U);
    panelIn(tile, shape, inputs.dt(), row, block, ScanTile.RAW);
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    int steps = ScanStage.steps(shape, row);
    for (int e = 0; e < width; e++) {
      float bias = get(tile, ScanTile.bias(chunk, width, states) + e);
      float skip = get(tile, ScanTile.skip(chunk, width, states) + e);
      for (int t = 0; t < steps; t++) {
        long at = ScanTile.at(0, chunk, t, e);
        float u = read(tile, ScanTile.U, at);
        float raw = read(tile, ScanTile.RAW, at) + bias;
        float delta = shape.softplus() ? ScalarMath.softplus(raw) : raw;
        write(tile, ScanTile.RAW, at, raw);
        write(tile, ScanTile.DELTA, at, delta);
        write(tile, ScanTile.INPUT, at, delta * u);
        write(tile, ScanTile.OUT, at, skip * u);
      }
    }
  }

  @Override
  public void sumDelta(MemorySegment tile, int steps, int chunk, int width, int states) {
    long sum = ScanTile.deltaSum(chunk, width, states);
    for (int e = 0; e < width; e++) {
      for (int t = 0; t < steps; t++) {
        addProduct(tile, sum + e, read(tile, ScanTile.DELTA, ScanTile.at(0, chunk, t, e)), 1);
      }
    }
  }

  @Override
  public void scanStates(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    long b = ScanTile.b(chunk, width, states);
    long c = ScanTile.c(chunk, width, states);
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e++) {
        long state = (long) n * width + e;
        float a = get(tile, ScanTile.a(chunk, width) + state);
        float inverseA = zoh ? get(tile, ScanTile.inverseA(chunk, width, states) + state) : 0;
        float h = get(tile, ScanTile.state(chunk, width, states) + state);
        for (int t = 0; t < steps; t++) {
          long at = ScanTile.at(0, chunk, t, e);
          float y = read(tile, ScanTile.DELTA, at) * a;
          float input = read(tile, zoh ? ScanTile.U : ScanTile.INPUT, at);
          if (zoh) {
            input *= ScalarMath.exp2MinusOne(y) * inverseA;
          }
          h = Math.fma(ScalarMath.exp2(y), h, input * get(tile, b + (long) t * states + n));
          addProduct(tile, ScanTile.OUT, at, h, get(tile, c + (long) t * states + n));
        }
        set(tile, ScanTile.state(chunk, width, states) + state, h);
      }
    }
  }

  @Override
  public void leave(
      MemorySegment tile, Shape shape, @Nullable View z, View out, long row, int block) {
    if (z != null) {
      panelIn(tile, shape, z, row, block, ScanTile.Z);
      for (int e = 0; e < ScanTile.width(shape, block); e++) {
        for (int t = 0; t < ScanStage.steps(shape, row); t++) {
          long at = ScanTile.at(0, ScanTile.chunk(shape), t, e);
          float gate = ScalarMath.silu(read(tile, ScanTile.Z, at));
          write(tile, ScanTile.OUT, at, read(tile, ScanTile.OUT, at) * gate);
        }
      }
    }
    panelOut(tile, shape, out, false, row, block, ScanTile.OUT);
  }

  @Override
  public void enterGrad(
      MemorySegment tile, Shape shape, @Nullable View z, View outGrad, long row, int block) {
    panelIn(tile, shape, outGrad, row, block, ScanTile.OUT_GRAD);
    if (z == null) {
      return;
    }
    panelIn(tile, shape, z, row, block, ScanTile.Z);
    for (int e = 0; e < ScanTile.width(shape, block); e++) {
      for (int t = 0; t < ScanStage.steps(shape, row); t++) {
        long at = ScanTile.at(0, ScanTile.chunk(shape), t, e);
        float gate = read(tile, ScanTile.Z, at);
        float sigmoid = ScalarMath.sigmoid(gate);
        float scaled = read(tile, ScanTile.OUT_GRAD, at) * sigmoid;
        write(tile, ScanTile.Z, at, scaled * Math.fma(gate, 1 - sigmoid, 1));
        write(tile, ScanTile.OUT_GRAD, at, scaled * gate);
      }
    }
  }

  @Override
  public void scanStatesGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, boolean zoh) {
    for (int e = 0; e < width; e++) {
      for (int t = 0; t < steps; t++) {
        long at = ScanTile.at(0, chunk, t, e);
        write(tile, ScanTile.INPUT_GRAD, at, 0);
        write(tile, ScanTile.DELTA_GRAD, at, 0);
      }
    }
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
    long work = ScanTile.work(chunk, width, states);
    long inverse = ScanTile.inverseA(chunk, width, states) + state;
    float a = get(tile, ScanTile.a(chunk, width) + state);
    float h = get(tile, ScanTile.state(chunk, width, states) + state);
    for (int t = 0; t < steps; t++) {
      long at = ScanTile.at(0, chunk, t, state % width);
      long step = (long) t * states + state / width;
      float y = read(tile, ScanTile.DELTA, at) * a;
      float input = read(tile, zoh ? ScanTile.U : ScanTile.INPUT, at);
      if (zoh) {
        input *= ScalarMath.exp2MinusOne(y) * get(tile, inverse);
      }
      float decay = ScalarMath.exp2(y);
      float kept = decay * h;
      set(tile, work + 2L * t, decay);
      set(tile, work + 2L * t + 1, kept);
      h = Math.fma(input, get(tile, ScanTile.b(chunk, width, states) + step), kept);
      float c = get(tile, ScanTile.c(chunk, width, states) + step);
      addProduct(tile, ScanTile.OUT, at, h, c);
      long cGrad = ScanTile.cGrad(chunk, width, states) + step;
      addProduct(tile, cGrad, h, read(tile, ScanTile.OUT_GRAD, at));
    }
  }

  private static void runBack(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, boolean zoh) {
    long work = ScanTile.work(chunk, width, states);
    float a = get(tile, ScanTile.a(chunk, width) + state);
    float inverseA = zoh ? get(tile, ScanTile.inverseA(chunk, width, states) + state) : 0;
    long stateGrad = ScanTile.stateGrad(chunk, width, states) + state;
    long aGrad = ScanTile.aGrad(chunk, width, states) + state;
    float carried = get(tile, stateGrad);
    for (int t = steps - 1; t >= 0; t--) {
      long at = ScanTile.at(0, chunk, t, state % width);
      long step = (long) t * states + state / width;
      float delta = read(tile, ScanTile.DELTA, at);
      float input = read(tile, zoh ? ScanTile.U : ScanTile.INPUT, at);
      float decay = get(tile, work + 2L * t);
      float c = get(tile, ScanTile.c(chunk, width, states) + step);
      float g = Math.fma(read(tile, ScanTile.OUT_GRAD, at), c, carried);
      float gb = g * get(tile, ScanTile.b(chunk, width, states) + step);
      float gah = g * get(tile, work + 2L * t + 1);
      float bGrad = g * input;
      addProduct(tile, ScanTile.DELTA_GRAD, at, gah, a);
      addProduct(tile, aGrad, gah, delta);
      if (zoh) {
        float y = delta * a;
        float minusOne = ScalarMath.exp2MinusOne(y);
        float slope = ScalarMath.zohSlope(y * ScalarMath.LN2, decay, minusOne);
        addProduct(tile, ScanTile.DELTA_GRAD, at, gb * input * decay, ScalarMath.LOG2_E);
        addProduct(tile, aGrad, gb * input, delta * delta * slope);
        gb *= minusOne * inverseA;
        bGrad *= minusOne * inverseA;
      }
      addProduct(tile, ScanTile.INPUT_GRAD, at, gb, 1);
      addProduct(tile, ScanTile.bGrad(chunk, width, states) + step, bGrad, 1);
      carried = decay * g;
    }
    set(tile, stateGrad, carried);
  }

  @Override
  public void carryGrad(MemorySegment tile, int steps, int chunk, int width, int states) {
    long c = ScanTile.c(chunk, width, states);
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e++) {
        long state = (long) n * width + e;
        long stateGrad = ScanTile.stateGrad(chunk, width, states) + state;
        float a = get(tile, ScanTile.a(chunk, width) + state);
        float carried = get(tile, stateGrad);
        for (int t = steps - 1; t >= 0; t--) {
          long at = ScanTile.at(0, chunk, t, e);
          float outGrad = read(tile, ScanTile.OUT_GRAD, at);
          float g = Math.fma(outGrad, get(tile, c + (long) t * states + n), carried);
          carried = ScalarMath.exp2(read(tile, ScanTile.DELTA, at) * a) * g;
        }
        set(tile, stateGrad, carried);
      }
    }
  }

  @Override
  public void leaveGrad(
      MemorySegment tile, Shape shape, Gradients gradients, boolean gated, long row, int block) {
    finishGrad(tile, shape, row, block);
    panelOut(tile, shape, gradients.u(), row, block, ScanTile.INPUT_GRAD);
    panelOut(tile, shape, gradients.dt(), row, block, ScanTile.RAW);
    if (gated) {
      panelOut(tile, shape, gradients.z(), row, block, ScanTile.Z);
    }
  }

  private static void finishGrad(MemorySegment tile, Shape shape, long row, int block) {
    int chunk = ScanTile.chunk(shape);
    int width = ScanTile.width(shape, block);
    int states = shape.dState();
    int steps = ScanStage.steps(shape, row);
    boolean zoh = ScanStage.zoh(shape);
    for (int e = 0; e < width; e++) {
      float skip = get(tile, ScanTile.skip(chunk, width, states) + e);
      for (int t = steps - 1; t >= 0; t--) {
        long at = ScanTile.at(0, chunk, t, e);
        float u = read(tile, ScanTile.U, at);
        float outGrad = read(tile, ScanTile.OUT_GRAD, at);
        float inputGrad = read(tile, ScanTile.INPUT_GRAD, at);
        float deltaGrad = read(tile, ScanTile.DELTA_GRAD, at) * ScalarMath.LN2;
        if (!zoh) {
          deltaGrad = Math.fma(u, inputGrad, deltaGrad);
          inputGrad *= read(tile, ScanTile.DELTA, at);
        }
        float raw = read(tile, ScanTile.RAW, at);
        float rawGrad = shape.softplus() ? deltaGrad * ScalarMath.sigmoid(raw) : deltaGrad;
        write(tile, ScanTile.RAW, at, rawGrad);
        write(tile, ScanTile.INPUT_GRAD, at, Math.fma(skip, outGrad, inputGrad));
        write(tile, ScanTile.Z, at, read(tile, ScanTile.Z, at) * read(tile, ScanTile.OUT, at));
        addProduct(tile, ScanTile.skipGrad(chunk, width, states) + e, outGrad, u);
        addProduct(tile, ScanTile.biasGrad(chunk, width, states) + e, rawGrad, 1);
      }
    }
  }
}
