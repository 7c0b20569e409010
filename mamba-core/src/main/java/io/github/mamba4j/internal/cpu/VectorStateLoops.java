package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
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
  private static final long WORK_STEP = 7 * VECTOR;

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
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    FloatVector inverseA =
        fromMemorySegment(
            SPECIES, tile, (ScanTile.inverseA(chunk, width, states) + state) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      FloatVector gain =
          VectorMath.exp2MinusOne(fromMemorySegment(SPECIES, tile, at + DELTA, ORDER).mul(a))
              .mul(inverseA);
      gain.mul(fromMemorySegment(SPECIES, tile, at + U, ORDER))
          .intoMemorySegment(tile, at + INPUT, ORDER);
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
      FloatVector a = fromMemorySegment(SPECIES, tile, target + i, ORDER);
      a = a.blend(smallest, a.abs().compare(VectorOperators.LT, ScalarScanLoops.SMALLEST_A));
      one.div(a).intoMemorySegment(tile, inverse + i, ORDER);
      a.intoMemorySegment(tile, target + i, ORDER);
    }
  }

  /** Leaves the largest magnitude of A over the states, after {@link #scaleDiagonal}. */
  static void largestDiagonal(MemorySegment tile, int chunk, int width, int states, int e) {
    tile = offHeap(tile);
    long at = (ScanTile.a(chunk, width) + e) << 2;
    FloatVector largest = FloatVector.zero(SPECIES);
    for (int n = 0; n < states; n++) {
      largest = largest.max(fromMemorySegment(SPECIES, tile, at + 4L * n * width, ORDER).abs());
    }
    largest.intoMemorySegment(tile, (ScanTile.largestA(chunk, width, states) + e) << 2, ORDER);
  }

  /** Multiplies A by log₂e; an infinite or undefined one makes the direct path's weight NaN. */
  static void scaleDiagonal(MemorySegment tile, int chunk, int width, int states) {
    tile = offHeap(tile);
    long target = ScanTile.a(chunk, width) << 2;
    long skip = ScanTile.skip(chunk, width, states) << 2;
    for (int n = 0; n < states; n++) {
      for (int e = 0; e < width; e += LANES) {
        long at = target + 4L * ((long) n * width + e);
        FloatVector a = fromMemorySegment(SPECIES, tile, at, ORDER);
        fromMemorySegment(SPECIES, tile, skip + 4L * e, ORDER)
            .add(a.sub(a))
            .intoMemorySegment(tile, skip + 4L * e, ORDER);
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
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    FloatVector h = fromMemorySegment(SPECIES, tile, stateAt, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long spread = work + t * WORK_STEP;
      FloatVector y = fromMemorySegment(SPECIES, tile, at + DELTA, ORDER).mul(a);
      FloatVector x = fromMemorySegment(SPECIES, tile, at + INPUT, ORDER);
      h = VectorMath.exp2(y).fma(h, x.mul(fromMemorySegment(SPECIES, tile, spread + B, ORDER)));
      h.fma(
              fromMemorySegment(SPECIES, tile, spread + C, ORDER),
              fromMemorySegment(SPECIES, tile, at + OUT, ORDER))
          .intoMemorySegment(tile, at + OUT, ORDER);
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
      FloatVector y =
          fromMemorySegment(SPECIES, tile, at + DELTA, ORDER)
              .mul(fromMemorySegment(SPECIES, tile, aAt + 4L * e, ORDER));
      FloatVector x = fromMemorySegment(SPECIES, tile, at + INPUT, ORDER);
      FloatVector h =
          VectorMath.exp2(y)
              .fma(fromMemorySegment(SPECIES, tile, stateAt + 4L * e, ORDER), x.mul(b));
      h.intoMemorySegment(tile, stateAt + 4L * e, ORDER);
      h.fma(cs, fromMemorySegment(SPECIES, tile, at + OUT, ORDER))
          .intoMemorySegment(tile, at + OUT, ORDER);
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
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    FloatVector h =
        fromMemorySegment(
            SPECIES, tile, (ScanTile.state(chunk, width, states) + state) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector y = fromMemorySegment(SPECIES, tile, at + DELTA, ORDER).mul(a);
      FloatVector x = fromMemorySegment(SPECIES, tile, at + INPUT, ORDER);
      FloatVector decay = VectorMath.exp2(y);
      FloatVector decayed = decay.mul(h);
      decay.intoMemorySegment(tile, kept + DECAY, ORDER);
      decayed.intoMemorySegment(tile, kept + DECAYED, ORDER);
      h = x.fma(fromMemorySegment(SPECIES, tile, kept + B, ORDER), decayed);
      h.fma(
              fromMemorySegment(SPECIES, tile, kept + C, ORDER),
              fromMemorySegment(SPECIES, tile, at + OUT, ORDER))
          .intoMemorySegment(tile, at + OUT, ORDER);
      h.fma(
              fromMemorySegment(SPECIES, tile, at + OUT_GRAD, ORDER),
              fromMemorySegment(SPECIES, tile, kept + C_SUM, ORDER))
          .intoMemorySegment(tile, kept + C_SUM, ORDER);
    }
  }

  /**
   * Runs the gradient of a state back over what {@link #keepDecays} kept, for ZOH; keeps the
   * state's gradients for what follows, and sums for B.
   */
  static void runBackZoh(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    long stateGradAt = (ScanTile.stateGrad(chunk, width, states) + state) << 2;
    FloatVector carried = fromMemorySegment(SPECIES, tile, stateGradAt, ORDER);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector g =
          fromMemorySegment(SPECIES, tile, at + OUT_GRAD, ORDER)
              .fma(fromMemorySegment(SPECIES, tile, kept + C, ORDER), carried);
      carried = g.mul(fromMemorySegment(SPECIES, tile, kept + DECAY, ORDER));
      g.intoMemorySegment(tile, kept + GRAD, ORDER);
      FloatVector sum =
          g.fma(
              fromMemorySegment(SPECIES, tile, at + INPUT, ORDER),
              fromMemorySegment(SPECIES, tile, kept + B_SUM, ORDER));
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
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    FloatVector inverseA =
        fromMemorySegment(
            SPECIES, tile, (ScanTile.inverseA(chunk, width, states) + state) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector gain =
          VectorMath.exp2MinusOne(fromMemorySegment(SPECIES, tile, at + DELTA, ORDER).mul(a))
              .mul(inverseA);
      FloatVector gb =
          fromMemorySegment(SPECIES, tile, kept + GRAD, ORDER)
              .mul(fromMemorySegment(SPECIES, tile, kept + B, ORDER));
      FloatVector inputGrad =
          gb.fma(gain, fromMemorySegment(SPECIES, tile, at + INPUT_GRAD, ORDER));
      inputGrad.intoMemorySegment(tile, at + INPUT_GRAD, ORDER);
    }
  }

  /** Adds to the gradient of Δ through the states under ZOH. */
  static void zohDeltaGrad(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long column = ScanTile.column(chunk, state % width) << 2;
    long work = ScanTile.work(chunk, width, states) << 2;
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector entering =
          fromMemorySegment(SPECIES, tile, at + U, ORDER)
              .mul(fromMemorySegment(SPECIES, tile, kept + B, ORDER));
      FloatVector byGain =
          entering
              .mul(fromMemorySegment(SPECIES, tile, kept + DECAY, ORDER))
              .mul(ScalarMath.LOG2_E);
      FloatVector change = fromMemorySegment(SPECIES, tile, kept + DECAYED, ORDER).fma(a, byGain);
      FloatVector deltaGrad =
          change.fma(
              fromMemorySegment(SPECIES, tile, kept + GRAD, ORDER),
              fromMemorySegment(SPECIES, tile, at + DELTA_GRAD, ORDER));
      deltaGrad.intoMemorySegment(tile, at + DELTA_GRAD, ORDER);
    }
  }

  /** Replaces the decays by the slope of ZOH's gain. */
  static void zohSlopes(
      MemorySegment tile, int steps, int chunk, int width, int states, int state) {
    tile = offHeap(tile);
    long delta = (ScanTile.column(chunk, state % width) << 2) + DELTA;
    long decay = (ScanTile.work(chunk, width, states) << 2) + DECAY;
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    for (int t = 0; t < steps; t++) {
      FloatVector y = fromMemorySegment(SPECIES, tile, delta + t * STEP, ORDER).mul(a);
      FloatVector minusOne = VectorMath.exp2MinusOne(y);
      VectorMath.zohSlope(
              y.mul(ScalarMath.LN2),
              fromMemorySegment(SPECIES, tile, decay + t * WORK_STEP, ORDER),
              minusOne)
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
    FloatVector aGrad = fromMemorySegment(SPECIES, tile, aGradAt, ORDER);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      long kept = work + t * WORK_STEP;
      FloatVector delta = fromMemorySegment(SPECIES, tile, at + DELTA, ORDER);
      FloatVector slope = fromMemorySegment(SPECIES, tile, kept + DECAY, ORDER);
      FloatVector entering =
          fromMemorySegment(SPECIES, tile, at + U, ORDER)
              .mul(fromMemorySegment(SPECIES, tile, kept + B, ORDER));
      FloatVector change =
          delta.mul(slope).fma(entering, fromMemorySegment(SPECIES, tile, kept + DECAYED, ORDER));
      aGrad = change.mul(delta).fma(fromMemorySegment(SPECIES, tile, kept + GRAD, ORDER), aGrad);
    }
    aGrad.intoMemorySegment(tile, aGradAt, ORDER);
  }

  /** Adds the lanes of the sums for B and C of state n and stores them. */
  static void sumLanes(MemorySegment tile, int steps, int chunk, int width, int states, int n) {
    long work = ScanTile.work(chunk, width, states) << 2;
    long b = ScanTile.bGrad(chunk, width, states) + n;
    long c = ScanTile.cGrad(chunk, width, states) + n;
    sumLanes(tile, work + B_SUM, WORK_STEP, steps, b, states);
    sumLanes(tile, work + C_SUM, WORK_STEP, steps, c, states);
  }

  /**
   * Adds the lanes of a vector of every step.
   *
   * @param tile the tile
   * @param from the first step's vector, in bytes
   * @param step from a step to the next, in bytes
   * @param steps time steps
   * @param target where the first sum goes, in floats
   * @param stride from a sum to the next, in floats
   */
  private static void sumLanes(
      MemorySegment tile, long from, long step, int steps, long target, int stride) {
    for (int t = 0; t < steps; t++) {
      CpuStorage.set(tile, target + (long) t * stride, sumLanes(tile, from + t * step));
    }
  }

  /** Adds the halves of a vector, then the halves of the half, and so on. */
  private static float sumLanes(MemorySegment tile, long bytes) {
    FloatVector sum = fromMemorySegment(SPECIES, tile, bytes, ORDER);
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
    FloatVector a =
        fromMemorySegment(SPECIES, tile, (ScanTile.a(chunk, width) + state) << 2, ORDER);
    FloatVector carried = fromMemorySegment(SPECIES, tile, stateGradAt, ORDER);
    for (int t = steps - 1; t >= 0; t--) {
      long at = column + t * STEP;
      FloatVector c = fromMemorySegment(SPECIES, tile, work + t * WORK_STEP + C, ORDER);
      FloatVector g = fromMemorySegment(SPECIES, tile, at + OUT_GRAD, ORDER).fma(c, carried);
      carried = VectorMath.exp2(fromMemorySegment(SPECIES, tile, at + DELTA, ORDER).mul(a)).mul(g);
    }
    carried.intoMemorySegment(tile, stateGradAt, ORDER);
  }
}
