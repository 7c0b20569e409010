package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorMath.SPECIES;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * The loops over time of a vector of channels and one of its states, where a scan spends its time.
 *
 * <p>The state stays in a register. Elements of B and C are spread over the lanes once a chunk, for
 * all vectors of a block. Backward, the decays and decayed states of a chunk are kept in the
 * first-level cache between the pass forward and the pass back, so each exponential is computed
 * once. Gradients of B and C are summed lane by lane over all vectors of a block, and across the
 * lanes only once a block, in a fixed order (the Vector API leaves the order of its own sums of
 * lanes open).
 *
 * <p>The methods are short because the compiler stops inlining vector operations in long ones,
 * after which each of them allocates.
 */
final class VectorStateLoops {
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int LANES = SPECIES.length();
  private static final long VECTOR = ScanTile.MAX_LANES * 4L;

  private static final long STEP = ScanTile.STEP * 4L;
  private static final long DELTA = ScanTile.DELTA * VECTOR;
  private static final long INPUT = ScanTile.INPUT * VECTOR;
  private static final long OUT = ScanTile.OUT * VECTOR;
  private static final long U = ScanTile.U * VECTOR;
  private static final long OUT_GRAD = ScanTile.OUT_GRAD * VECTOR;
  private static final long INPUT_GRAD = ScanTile.INPUT_GRAD * VECTOR;
  private static final long DELTA_GRAD = ScanTile.DELTA_GRAD * VECTOR;

  /** The work room: a step of it holds seven vectors. */
  private static final long WORK_STEP = ScanTile.WORK_STEP * 4L;

  /** B and C of one state, spread over the lanes. */
  private static final long B = 0;

  private static final long C = VECTOR;

  /** {@code exp(ΔA)}, and that times the state before the step. */
  private static final long DECAY = 2 * VECTOR;

  private static final long DECAYED = 3 * VECTOR;

  /** Sums for the gradients of B and C. */
  private static final long B_SUM = 4 * VECTOR;

  private static final long C_SUM = 5 * VECTOR;

  /** Gradient of the state (ZOH). */
  private static final long GRAD = 6 * VECTOR;

  private static final VectorShuffle<Float> HALF = down(2);
  private static final VectorShuffle<Float> QUARTER = down(4);
  private static final VectorShuffle<Float> EIGHTH = down(8);
  private static final VectorShuffle<Float> SIXTEENTH = down(16);

  private VectorStateLoops() {}

  private static FloatVector load(MemorySegment tile, long bytes) {
    return FloatVector.fromMemorySegment(SPECIES, tile, bytes, ORDER);
  }

  /** Spreads B and C of state n over the lanes. */
  static void spread(MemorySegment tile, int steps, int chunk, int width, int states, int n) {
    tile = offHeap(tile);
    long work = ScanTile.work(chunk, width, states) << 2;
    long b = ScanTile.b(chunk, width, states) + n;
    long c = ScanTile.c(chunk, width, states) + n;
    for (int t = 0; t < steps; t++) {
      float bValue = CpuStorage.get(tile, b + (long) t * states);
      float cValue = CpuStorage.get(tile, c + (long) t * states);
      long at = work + t * WORK_STEP;
      FloatVector.broadcast(SPECIES, bValue).intoMemorySegment(tile, at + B, ORDER);
      FloatVector.broadcast(SPECIES, cValue).intoMemorySegment(tile, at + C, ORDER);
    }
  }

  /** Leaves {@code (e^ΔA − 1)/A · u}, what ZOH puts into a state before B, in the panel INPUT. */
  static void zohInputs(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector inverseA = load(tile, (ScanTile.inverseA(chunk, width, states) + state) << 2);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector gain = VectorMath.exp2MinusOne(load(tile, at + DELTA).mul(a)).mul(inverseA);
      gain.mul(load(tile, at + U)).intoMemorySegment(tile, at + INPUT, ORDER);
    }
  }

  /** Keeps A away from zero, which ZOH divides by, and leaves its reciprocal. */
  static void invertDiagonal(MemorySegment tile, int chunk, int width, int states) {
    tile = offHeap(tile);
    FloatVector smallest = FloatVector.broadcast(SPECIES, -ScalarScanLoops.SMALLEST_A);
    FloatVector one = FloatVector.broadcast(SPECIES, 1);
    long target = ScanTile.a(chunk, width) << 2;
    long inverse = ScanTile.inverseA(chunk, width, states) << 2;
    for (long i = 0; i < 4L * states * width; i += 4L * LANES) {
      FloatVector a = load(tile, target + i);
      a = a.blend(smallest, a.abs().compare(VectorOperators.LT, ScalarScanLoops.SMALLEST_A));
      one.div(a).intoMemorySegment(tile, inverse + i, ORDER);
      a.intoMemorySegment(tile, target + i, ORDER);
    }
  }

  /** Multiplies A by log₂e; an infinite or undefined one makes the direct path's weight NaN. */
  static void scaleDiagonal(MemorySegment tile, int chunk, int width, int states) {
    tile = offHeap(tile);
    long target = ScanTile.a(chunk, width) << 2;
    long skip = ScanTile.skip(chunk, width, states) << 2;
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e += LANES) {
        long at = target + 4L * ((long) n * width + e);
        FloatVector a = load(tile, at);
        load(tile, skip + 4L * e).add(a.sub(a)).intoMemorySegment(tile, skip + 4L * e, ORDER);
        a.mul(ScalarMath.LOG2_E).intoMemorySegment(tile, at, ORDER);
      }
    }
  }

  /** Runs a state of the channels at {@code state = n·width + e} through a chunk. */
  static void forward(MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long stateAt = (ScanTile.state(chunk, width, states) + state) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector h = load(tile, stateAt);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long spread = work + t * WORK_STEP;
      FloatVector y = load(tile, at + DELTA).mul(a);
      FloatVector x = load(tile, at + INPUT);
      h = VectorMath.exp2(y).fma(h, x.mul(load(tile, spread + B)));
      h.fma(load(tile, spread + C), load(tile, at + OUT)).intoMemorySegment(tile, at + OUT, ORDER);
    }
    h.intoMemorySegment(tile, stateAt, ORDER);
  }

  /** Takes state n of all channels of the tile one step further. */
  static void step(MemorySegment tile, int t, int chunk, int width, int states, int n) {
    tile = offHeap(tile);
    long p = (long) t * states + n;
    float b = CpuStorage.get(tile, ScanTile.b(chunk, width, states) + p);
    float c = CpuStorage.get(tile, ScanTile.c(chunk, width, states) + p);
    FloatVector cs = FloatVector.broadcast(SPECIES, c);
    long aAt = (ScanTile.a(chunk, width) + (long) n * width) << 2;
    long stateAt = (ScanTile.state(chunk, width, states) + (long) n * width) << 2;
    for (int e = 0; e < width; e += LANES) {
      long at = ScanTile.at(0, chunk, t, e) << 2;
      FloatVector y = load(tile, at + DELTA).mul(load(tile, aAt + 4L * e));
      FloatVector x = load(tile, at + INPUT);
      FloatVector h = VectorMath.exp2(y).fma(load(tile, stateAt + 4L * e), x.mul(b));
      h.intoMemorySegment(tile, stateAt + 4L * e, ORDER);
      h.fma(cs, load(tile, at + OUT)).intoMemorySegment(tile, at + OUT, ORDER);
    }
  }

  /** Sets the sums for B and C to zero. */
  static void clearSums(MemorySegment tile, int steps, int chunk, int width, int states) {
    tile = offHeap(tile);
    long work = ScanTile.work(chunk, width, states) << 2;
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      zero.intoMemorySegment(tile, work + t * WORK_STEP + B_SUM, ORDER);
      zero.intoMemorySegment(tile, work + t * WORK_STEP + C_SUM, ORDER);
    }
  }

  /** Runs a state forward, keeps decays and decayed states, and sums for OUT and C. */
  static void keepDecays(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector h = load(tile, (ScanTile.state(chunk, width, states) + state) << 2);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector y = load(tile, at + DELTA).mul(a);
      FloatVector x = load(tile, at + INPUT);
      FloatVector decay = VectorMath.exp2(y);
      FloatVector decayed = decay.mul(h);
      decay.intoMemorySegment(tile, kept + DECAY, ORDER);
      decayed.intoMemorySegment(tile, kept + DECAYED, ORDER);
      h = x.fma(load(tile, kept + B), decayed);
      h.fma(load(tile, kept + C), load(tile, at + OUT)).intoMemorySegment(tile, at + OUT, ORDER);
      h.fma(load(tile, at + OUT_GRAD), load(tile, kept + C_SUM))
          .intoMemorySegment(tile, kept + C_SUM, ORDER);
    }
  }

  /** Runs the gradient of a state back over what {@link #keepDecays} kept. */
  static void runBack(MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    long aGradAt = (ScanTile.aGrad(chunk, width, states) + state) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector carried = load(tile, stateGradAt);
    FloatVector aGrad = load(tile, aGradAt);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector g = load(tile, at + OUT_GRAD).fma(load(tile, kept + C), carried);
      FloatVector gah = g.mul(load(tile, kept + DECAYED));
      carried = g.mul(load(tile, kept + DECAY));
      aGrad = gah.fma(load(tile, at + DELTA), aGrad);
      g.fma(load(tile, kept + B), load(tile, at + INPUT_GRAD))
          .intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
      gah.fma(a, load(tile, at + DELTA_GRAD)).intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
      g.fma(load(tile, at + INPUT), load(tile, kept + B_SUM))
          .intoMemorySegment(tile, kept + B_SUM, ORDER);
    }
    carried.intoMemorySegment(tile, stateGradAt, ORDER);
    aGrad.intoMemorySegment(tile, aGradAt, ORDER);
  }

  /** {@link #runBack} for ZOH: keeps the state's gradients for what follows, and sums for B. */
  static void runBackZoh(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    FloatVector carried = load(tile, stateGradAt);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector g = load(tile, at + OUT_GRAD).fma(load(tile, kept + C), carried);
      carried = g.mul(load(tile, kept + DECAY));
      g.intoMemorySegment(tile, kept + GRAD, ORDER);
      FloatVector sum = g.fma(load(tile, at + INPUT), load(tile, kept + B_SUM));
      sum.intoMemorySegment(tile, kept + B_SUM, ORDER);
    }
    carried.intoMemorySegment(tile, stateGradAt, ORDER);
  }

  /** Adds to the gradient of u under ZOH. */
  static void zohInputGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector inverseA = load(tile, (ScanTile.inverseA(chunk, width, states) + state) << 2);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector gain = VectorMath.exp2MinusOne(load(tile, at + DELTA).mul(a)).mul(inverseA);
      FloatVector gb = load(tile, kept + GRAD).mul(load(tile, kept + B));
      FloatVector inputGrad = gb.fma(gain, load(tile, at + INPUT_GRAD));
      inputGrad.intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
    }
  }

  /** Adds to the gradient of Δ through the states under ZOH. */
  static void zohDeltaGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector entering = load(tile, at + U).mul(load(tile, kept + B));
      FloatVector byGain = entering.mul(load(tile, kept + DECAY)).mul(ScalarMath.LOG2_E);
      FloatVector change = load(tile, kept + DECAYED).fma(a, byGain);
      FloatVector deltaGrad = change.fma(load(tile, kept + GRAD), load(tile, at + DELTA_GRAD));
      deltaGrad.intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
    }
  }

  /** Replaces the decays by the slope of ZOH's gain. */
  static void zohSlopes(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long delta = (ScanTile.column(chunk, state % width) << 2) + DELTA;
    long decay = (ScanTile.work(chunk, width, states) << 2) + DECAY;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    for (int t = 0; t < steps; t++) {
      FloatVector y = load(tile, delta + t * STEP).mul(a);
      FloatVector minusOne = VectorMath.exp2MinusOne(y);
      VectorMath.zohSlope(y.mul(ScalarMath.LN2), load(tile, decay + t * WORK_STEP), minusOne)
          .intoMemorySegment(tile, decay + t * WORK_STEP, ORDER);
    }
  }

  /** Adds to the gradient of A under ZOH, after {@link #zohSlopes}. */
  static void zohDiagonalGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long aGradAt = (ScanTile.aGrad(chunk, width, states) + state) << 2;
    FloatVector aGrad = load(tile, aGradAt);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector delta = load(tile, at + DELTA);
      FloatVector slope = load(tile, kept + DECAY);
      FloatVector entering = load(tile, at + U).mul(load(tile, kept + B));
      FloatVector change = delta.mul(slope).fma(entering, load(tile, kept + DECAYED));
      aGrad = change.mul(delta).fma(load(tile, kept + GRAD), aGrad);
    }
    aGrad.intoMemorySegment(tile, aGradAt, ORDER);
  }

  /** Adds the lanes of the sums for B and C of state n and stores them. */
  static void sumLanes(MemorySegment tile, int steps, int chunk, int width, int states, int n) {
    long work = ScanTile.work(chunk, width, states) << 2;
    for (int t = 0; t < steps; t++) {
      long at = work + t * WORK_STEP;
      long target = (long) t * states + n;
      CpuStorage.set(
          tile, ScanTile.bGrad(chunk, width, states) + target, sumLanes(tile, at + B_SUM));
      CpuStorage.set(
          tile, ScanTile.cGrad(chunk, width, states) + target, sumLanes(tile, at + C_SUM));
    }
  }

  /** Adds the halves of a vector, then the halves of the half, and so on. */
  private static float sumLanes(MemorySegment tile, long bytes) {
    FloatVector sum = load(tile, bytes);
    sum = sum.add(sum.rearrange(HALF));
    sum = sum.add(sum.rearrange(QUARTER));
    if (LANES >= 8) {
      sum = sum.add(sum.rearrange(EIGHTH));
    }
    if (LANES >= 16) {
      sum = sum.add(sum.rearrange(SIXTEENTH));
    }
    return sum.lane(0);
  }

  /** Moves lanes down by a part of the vector. */
  private static VectorShuffle<Float> down(int part) {
    int by = LANES / part;
    return VectorShuffle.fromOp(SPECIES, i -> (i + by) % LANES);
  }

  /** Takes the gradient of a state back through a chunk. */
  static void carryGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    FloatVector a = load(tile, (ScanTile.a(chunk, width) + state) << 2);
    FloatVector carried = load(tile, stateGradAt);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector c = load(tile, work + t * WORK_STEP + C);
      FloatVector g = load(tile, at + OUT_GRAD).fma(c, carried);
      carried = VectorMath.exp2(load(tile, at + DELTA).mul(a)).mul(g);
    }
    carried.intoMemorySegment(tile, stateGradAt, ORDER);
  }
}
