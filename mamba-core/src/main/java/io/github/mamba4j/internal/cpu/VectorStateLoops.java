package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorMath.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorScanLoops.load;
import static io.github.mamba4j.internal.cpu.VectorScanLoops.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops over time of a vector of channels and a few of its states, where a scan spends its time.
 *
 * <p>The states stay in registers. Backward, the decays and decayed states of a chunk are kept in
 * the first-level cache between the pass forward and the pass back, so each exponential is computed
 * once. Gradients of B and C are summed lane by lane over all vectors of a block, and across the
 * lanes only once a block, pairwise in a fixed order (the Vector API leaves the order of its own
 * sums of lanes open).
 */
final class VectorStateLoops {
  /** States that the backward loops hold in registers. */
  static final int PAIR = 2;

  private static final int LANES = SPECIES.length();
  private static final int VECTOR_BYTES = SPECIES.vectorByteSize();

  private VectorStateLoops() {}

  private static FloatVector broadcast(MemorySegment tile, long bytes) {
    return FloatVector.broadcast(SPECIES, tile.get(CpuStorage.FLOAT, bytes));
  }

  /** What one step puts into a state, before B: the input, with the gain of ZOH. */
  private static FloatVector input(
      MemorySegment tile, long inverseA, FloatVector y, FloatVector x, boolean zoh) {
    return zoh ? x.mul(VectorMath.exp2MinusOne(y).mul(load(tile, inverseA))) : x;
  }

  /** Runs four states of the channels at {@code state = n·width + e} through a chunk. */
  static void forward(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, boolean zoh) {
    long row = 4L * width;
    long panel = chunk * row;
    long aAt = (ScanTile.a(chunk, width) + state) << 2;
    long inverseAt = (ScanTile.inverseA(chunk, width, states) + state) << 2;
    long hAt = (ScanTile.state(chunk, width, states) + state) << 2;
    FloatVector a0 = load(tile, aAt);
    FloatVector a1 = load(tile, aAt + row);
    FloatVector a2 = load(tile, aAt + 2 * row);
    FloatVector a3 = load(tile, aAt + 3 * row);
    FloatVector h0 = load(tile, hAt);
    FloatVector h1 = load(tile, hAt + row);
    FloatVector h2 = load(tile, hAt + 2 * row);
    FloatVector h3 = load(tile, hAt + 3 * row);
    long at = 4L * (state % width);
    long b = (ScanTile.b(chunk, width, states) + state / width) << 2;
    long c = (ScanTile.c(chunk, width, states) + state / width) << 2;
    for (int t = 0; t < steps; t++) {
      FloatVector delta = load(tile, ScanTile.DELTA * panel + at);
      FloatVector x = load(tile, ScanTile.INPUT * panel + at);
      FloatVector out = load(tile, ScanTile.OUT * panel + at);
      FloatVector y0 = delta.mul(a0);
      FloatVector x0 = input(tile, inverseAt, y0, x, zoh).mul(broadcast(tile, b));
      h0 = VectorMath.exp2(y0).fma(h0, x0);
      out = h0.fma(broadcast(tile, c), out);
      FloatVector y1 = delta.mul(a1);
      FloatVector x1 = input(tile, inverseAt + row, y1, x, zoh).mul(broadcast(tile, b + 4));
      h1 = VectorMath.exp2(y1).fma(h1, x1);
      out = h1.fma(broadcast(tile, c + 4), out);
      FloatVector y2 = delta.mul(a2);
      FloatVector x2 = input(tile, inverseAt + 2 * row, y2, x, zoh).mul(broadcast(tile, b + 8));
      h2 = VectorMath.exp2(y2).fma(h2, x2);
      out = h2.fma(broadcast(tile, c + 8), out);
      FloatVector y3 = delta.mul(a3);
      FloatVector x3 = input(tile, inverseAt + 3 * row, y3, x, zoh).mul(broadcast(tile, b + 12));
      h3 = VectorMath.exp2(y3).fma(h3, x3);
      out = h3.fma(broadcast(tile, c + 12), out);
      store(out, tile, ScanTile.OUT * panel + at);
      at += row;
      b += 4L * states;
      c += 4L * states;
    }
    store(h0, tile, hAt);
    store(h1, tile, hAt + row);
    store(h2, tile, hAt + 2 * row);
    store(h3, tile, hAt + 3 * row);
  }

  /** Byte offset of the decays of a chunk, [chunk, PAIR, lanes]; decayed states follow. */
  private static long decays(int chunk, int width, int states) {
    return ScanTile.work(chunk, width, states) << 2;
  }

  private static long decayed(int chunk, int width, int states) {
    return decays(chunk, width, states) + (long) chunk * PAIR * VECTOR_BYTES;
  }

  /** Byte offset of the sums for B of a chunk, [chunk, PAIR, lanes]; those for C follow. */
  private static long bSums(int chunk, int width, int states) {
    return decayed(chunk, width, states) + (long) chunk * PAIR * VECTOR_BYTES;
  }

  private static long cSums(int chunk, int width, int states) {
    return bSums(chunk, width, states) + (long) chunk * PAIR * VECTOR_BYTES;
  }

  /** Sets the sums for B and C to zero. */
  static void clearSums(MemorySegment tile, int steps, int chunk, int width, int states) {
    long b = bSums(chunk, width, states);
    long c = cSums(chunk, width, states);
    FloatVector zero = FloatVector.zero(SPECIES);
    for (long i = 0; i < (long) steps * PAIR * VECTOR_BYTES; i += VECTOR_BYTES) {
      store(zero, tile, b + i);
      store(zero, tile, c + i);
    }
  }

  /** Runs two states forward, keeps decays and decayed states, and sums for OUT and C. */
  static void keepDecays(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, boolean zoh) {
    long row = 4L * width;
    long panel = chunk * row;
    long aAt = (ScanTile.a(chunk, width) + state) << 2;
    long inverseAt = (ScanTile.inverseA(chunk, width, states) + state) << 2;
    long hAt = (ScanTile.state(chunk, width, states) + state) << 2;
    FloatVector a0 = load(tile, aAt);
    FloatVector a1 = load(tile, aAt + row);
    FloatVector h0 = load(tile, hAt);
    FloatVector h1 = load(tile, hAt + row);
    long at = 4L * (state % width);
    long b = (ScanTile.b(chunk, width, states) + state / width) << 2;
    long c = (ScanTile.c(chunk, width, states) + state / width) << 2;
    long decay = decays(chunk, width, states);
    long kept = decayed(chunk, width, states);
    long sum = cSums(chunk, width, states);
    for (int t = 0; t < steps; t++) {
      FloatVector delta = load(tile, ScanTile.DELTA * panel + at);
      FloatVector x = load(tile, ScanTile.INPUT * panel + at);
      FloatVector outGrad = load(tile, ScanTile.OUT_GRAD * panel + at);
      FloatVector out = load(tile, ScanTile.OUT * panel + at);
      FloatVector y0 = delta.mul(a0);
      FloatVector decay0 = VectorMath.exp2(y0);
      FloatVector kept0 = decay0.mul(h0);
      h0 = input(tile, inverseAt, y0, x, zoh).fma(broadcast(tile, b), kept0);
      out = h0.fma(broadcast(tile, c), out);
      FloatVector y1 = delta.mul(a1);
      FloatVector decay1 = VectorMath.exp2(y1);
      FloatVector kept1 = decay1.mul(h1);
      h1 = input(tile, inverseAt + row, y1, x, zoh).fma(broadcast(tile, b + 4), kept1);
      out = h1.fma(broadcast(tile, c + 4), out);
      store(decay0, tile, decay);
      store(decay1, tile, decay + VECTOR_BYTES);
      store(kept0, tile, kept);
      store(kept1, tile, kept + VECTOR_BYTES);
      store(outGrad.fma(h0, load(tile, sum)), tile, sum);
      store(outGrad.fma(h1, load(tile, sum + VECTOR_BYTES)), tile, sum + VECTOR_BYTES);
      store(out, tile, ScanTile.OUT * panel + at);
      at += row;
      b += 4L * states;
      c += 4L * states;
      decay += PAIR * VECTOR_BYTES;
      kept += PAIR * VECTOR_BYTES;
      sum += PAIR * VECTOR_BYTES;
    }
  }

  /** Runs the gradients of two states back over what {@link #keepDecays} kept. */
  static void runBack(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    long row = 4L * width;
    long panel = chunk * row;
    long aAt = (ScanTile.a(chunk, width) + state) << 2;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    long aGradAt = (ScanTile.aGrad(chunk, width, states) + state) << 2;
    FloatVector a0 = load(tile, aAt);
    FloatVector a1 = load(tile, aAt + row);
    FloatVector carried0 = load(tile, stateGradAt);
    FloatVector carried1 = load(tile, stateGradAt + row);
    FloatVector aGrad0 = load(tile, aGradAt);
    FloatVector aGrad1 = load(tile, aGradAt + row);
    long at = 4L * (state % width) + (steps - 1) * row;
    long step = 4L * (steps - 1) * states;
    long b = ((ScanTile.b(chunk, width, states) + state / width) << 2) + step;
    long c = ((ScanTile.c(chunk, width, states) + state / width) << 2) + step;
    long kept = (long) (steps - 1) * PAIR * VECTOR_BYTES;
    for (int t = steps - 1; t >= 0; t--) {
      FloatVector delta = load(tile, ScanTile.DELTA * panel + at);
      FloatVector x = load(tile, ScanTile.INPUT * panel + at);
      FloatVector outGrad = load(tile, ScanTile.OUT_GRAD * panel + at);
      FloatVector inputGrad = load(tile, ScanTile.INPUT_GRAD * panel + at);
      FloatVector deltaGrad = load(tile, ScanTile.DELTA_GRAD * panel + at);
      long decay = decays(chunk, width, states) + kept;
      long decayed = decayed(chunk, width, states) + kept;
      long sum = bSums(chunk, width, states) + kept;
      FloatVector g0 = outGrad.fma(broadcast(tile, c), carried0);
      inputGrad = g0.fma(broadcast(tile, b), inputGrad);
      FloatVector gah0 = g0.mul(load(tile, decayed));
      deltaGrad = gah0.fma(a0, deltaGrad);
      aGrad0 = gah0.fma(delta, aGrad0);
      carried0 = g0.mul(load(tile, decay));
      store(g0.fma(x, load(tile, sum)), tile, sum);
      FloatVector g1 = outGrad.fma(broadcast(tile, c + 4), carried1);
      inputGrad = g1.fma(broadcast(tile, b + 4), inputGrad);
      FloatVector gah1 = g1.mul(load(tile, decayed + VECTOR_BYTES));
      deltaGrad = gah1.fma(a1, deltaGrad);
      aGrad1 = gah1.fma(delta, aGrad1);
      carried1 = g1.mul(load(tile, decay + VECTOR_BYTES));
      store(g1.fma(x, load(tile, sum + VECTOR_BYTES)), tile, sum + VECTOR_BYTES);
      store(inputGrad, tile, ScanTile.INPUT_GRAD * panel + at);
      store(deltaGrad, tile, ScanTile.DELTA_GRAD * panel + at);
      at -= row;
      b -= 4L * states;
      c -= 4L * states;
      kept -= PAIR * VECTOR_BYTES;
    }
    store(carried0, tile, stateGradAt);
    store(carried1, tile, stateGradAt + row);
    store(aGrad0, tile, aGradAt);
    store(aGrad1, tile, aGradAt + row);
  }

  /** {@link #runBack} for ZOH, whose gain depends on Δ and A; one state at a time. */
  static void runBackZoh(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    for (int i = 0; i < PAIR; i++) {
      runBackZoh(
          tile, steps, chunk, width, states, state + i * width, (long) i * VECTOR_BYTES);
    }
  }

  private static void runBackZoh(
      MemorySegment tile, int steps, int chunk, int width, int states, int state, long lane) {
    long row = 4L * width;
    long panel = chunk * row;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    long aGradAt = (ScanTile.aGrad(chunk, width, states) + state) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector inverseA = load(tile, (ScanTile.inverseA(chunk, width, states) + state) << 2);
    FloatVector carried = load(tile, stateGradAt);
    FloatVector aGrad = load(tile, aGradAt);
    long b = (ScanTile.b(chunk, width, states) + state / width) << 2;
    long c = (ScanTile.c(chunk, width, states) + state / width) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = 4L * (state % width) + t * row;
      long step = 4L * t * states;
      long kept = (long) t * PAIR * VECTOR_BYTES + lane;
      long inputGrad = ScanTile.INPUT_GRAD * panel + at;
      long deltaGrad = ScanTile.DELTA_GRAD * panel + at;
      long sum = bSums(chunk, width, states) + kept;
      FloatVector delta = load(tile, ScanTile.DELTA * panel + at);
      FloatVector x = load(tile, ScanTile.INPUT * panel + at);
      FloatVector decay = load(tile, decays(chunk, width, states) + kept);
      FloatVector y = delta.mul(a);
      FloatVector minusOne = VectorMath.exp2MinusOne(y);
      FloatVector gain = minusOne.mul(inverseA);
      FloatVector slope = VectorMath.zohSlope(y.mul(ScalarMath.LN2), decay, minusOne);
      FloatVector g =
          load(tile, ScanTile.OUT_GRAD * panel + at).fma(broadcast(tile, c + step), carried);
      FloatVector gb = g.mul(broadcast(tile, b + step));
      FloatVector gbx = gb.mul(x);
      FloatVector gah = g.mul(load(tile, decayed(chunk, width, states) + kept));
      FloatVector byDelta = gah.fma(a, gbx.mul(decay).mul(ScalarMath.LOG2_E));
      aGrad = gah.fma(delta, gbx.mul(delta).fma(delta.mul(slope), aGrad));
      store(gb.fma(gain, load(tile, inputGrad)), tile, inputGrad);
      store(load(tile, deltaGrad).add(byDelta), tile, deltaGrad);
      store(g.mul(gain).fma(x, load(tile, sum)), tile, sum);
      carried = g.mul(decay);
    }
    store(carried, tile, stateGradAt);
    store(aGrad, tile, aGradAt);
  }

  /** Adds the lanes of the sums for B and C of states n and n + 1 and stores them. */
  static void sumLanes(
      MemorySegment tile, int steps, int chunk, int width, int states, int n) {
    for (int t = 0; t < steps; t++) {
      for (int i = 0; i < PAIR; i++) {
        long at = ((long) t * PAIR + i) * VECTOR_BYTES;
        long target = (long) t * states + n + i;
        float b = sumLanes(tile, bSums(chunk, width, states) + at);
        float c = sumLanes(tile, cSums(chunk, width, states) + at);
        CpuStorage.set(tile, ScanTile.bGrad(chunk, width, states) + target, b);
        CpuStorage.set(tile, ScanTile.cGrad(chunk, width, states) + target, c);
      }
    }
  }

  private static float sumLanes(MemorySegment tile, long bytes) {
    float even = 0;
    float odd = 0;
    for (int i = 0; i < LANES; i += 2) {
      even += tile.get(CpuStorage.FLOAT, bytes + 4L * i);
      odd += tile.get(CpuStorage.FLOAT, bytes + 4L * i + 4);
    }
    return even + odd;
  }

  /** Takes the gradient of one state back through a chunk. */
  static void carryGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    long row = 4L * width;
    long panel = chunk * row;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector carried = load(tile, stateGradAt);
    long c = (ScanTile.c(chunk, width, states) + state / width) << 2;
    for (int t = steps - 1; t >= 0; t--) {
      long at = 4L * (state % width) + t * row;
      FloatVector delta = load(tile, ScanTile.DELTA * panel + at);
      FloatVector outGrad = load(tile, ScanTile.OUT_GRAD * panel + at);
      FloatVector g = outGrad.fma(broadcast(tile, c + 4L * t * states), carried);
      carried = VectorMath.exp2(delta.mul(a)).mul(g);
    }
    store(carried, tile, stateGradAt);
  }
}
