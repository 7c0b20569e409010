package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.FLOAT;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MASK;
import static io.github.mamba4j.internal.cpu.VectorTileMemory.MEMORY;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops over time of a vector of channels and four of its states, under Euler's rule: where a
 * scan spends its time. All offsets are in bytes of {@link VectorTileMemory}.
 *
 * <p>Exponentials have passes of their own, which leave them in the first-level cache: in one loop
 * with the states they would need more registers and more of the compiler's nodes than there are,
 * but for the way forward of two states with 32 registers ({@link #plainForward}). The passes over
 * states then share what belongs to a step (Δ·u, result, gradients) among several states.
 *
 * <p>Backward, gradients of B and C are summed lane by lane over all vectors of a block, and across
 * the lanes only once a block.
 */
final class VectorEulerLoops {
  /** States that are staged together. */
  static final int GROUP = ScanTile.STATE_GROUP;

  private static final long V = 4L * LANES;

  /** The work room: a step of it holds six vectors a state, and one that keeps the number odd. */
  static final long WORK_STEP = (6 * GROUP + 1) * V;

  private static final long DECAY = 0;
  private static final long B = GROUP * V;
  private static final long C = 2 * GROUP * V;

  /** The decay times the state before the step. */
  private static final long DECAYED = 3 * GROUP * V;

  static final long B_SUM = 4 * GROUP * V;
  static final long C_SUM = 5 * GROUP * V;

  /** The elements of B, then those of C, where they are not spread. */
  private static final long ELEMENTS = 6 * GROUP * V;

  private static final long C_ELEMENTS = ELEMENTS + 4L * GROUP;

  /**
   * Whether B and C are spread over the lanes in memory. With 16 registers the compiler loads the
   * elements before anything else and has no room for the states; with 32 the elements are spread
   * in registers, and what is kept for the way back fits the first-level cache.
   */
  static final boolean SPREAD = LANES < 16;

  private static final long PANEL = ScanTile.MAX_LANES * 4L;
  private static final long STEP = ScanTile.STEP * 4L;
  private static final long DELTA = ScanTile.DELTA * PANEL;
  private static final long INPUT = ScanTile.INPUT * PANEL;
  private static final long OUT = ScanTile.OUT * PANEL;
  private static final long OUT_GRAD = ScanTile.OUT_GRAD * PANEL;
  private static final long INPUT_GRAD = ScanTile.INPUT_GRAD * PANEL;
  private static final long DELTA_GRAD = ScanTile.DELTA_GRAD * PANEL;

  /** Up to this magnitude an exponent needs no clamps. */
  private static final float PLAIN = 125;

  private VectorEulerLoops() {}

  /**
   * Returns whether no exponent of a vector of channels needs a clamp: Δ of all steps times the
   * largest magnitude of A.
   */
  static boolean plain(long column, long largestA, int steps) {
    IntVector largest =
        fromMemorySegment(SPECIES, MEMORY, column & MASK, ORDER).reinterpretAsInts();
    largest = largest.lanewise(VectorOperators.AND, Integer.MAX_VALUE);
    for (int t = 1; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      // As integers, magnitudes are in order, and NaN is above them.
      largest =
          largest.max(
              fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER)
                  .reinterpretAsInts()
                  .lanewise(VectorOperators.AND, Integer.MAX_VALUE));
    }
    FloatVector a = fromMemorySegment(SPECIES, MEMORY, largestA & MASK, ORDER);
    return largest.reinterpretAsFloats().mul(a).compare(VectorOperators.LT, PLAIN).allTrue();
  }

  /** Leaves {@code exp(ΔA)} of two states, see {@link #plain}. */
  static void plainDecays(long column, long work, long aAt, long next, int steps) {
    FloatVector a0 = fromMemorySegment(SPECIES, MEMORY, aAt & MASK, ORDER);
    FloatVector a1 = fromMemorySegment(SPECIES, MEMORY, (aAt + next) & MASK, ORDER);
    FloatVector rounder = broadcast(SPECIES, ScalarMath.ROUNDER);
    FloatVector p1 = broadcast(SPECIES, ScalarMath.P1);
    FloatVector p2 = broadcast(SPECIES, ScalarMath.P2);
    FloatVector p3 = broadcast(SPECIES, ScalarMath.P3);
    FloatVector p4 = broadcast(SPECIES, ScalarMath.P4);
    FloatVector p5 = broadcast(SPECIES, ScalarMath.P5);
    FloatVector one = broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      long to = (work + t * WORK_STEP) & MASK;
      FloatVector delta = fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER);
      FloatVector n = delta.fma(a0, rounder);
      FloatVector f = delta.fma(a0, rounder.sub(n));
      FloatVector p = f.fma(p5, p4).fma(f, p3).fma(f, p2).fma(f, p1).fma(f, one);
      p.reinterpretAsInts()
          .add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS))
          .reinterpretAsFloats()
          .intoMemorySegment(MEMORY, to + DECAY, ORDER);
      n = delta.fma(a1, rounder);
      f = delta.fma(a1, rounder.sub(n));
      p = f.fma(p5, p4).fma(f, p3).fma(f, p2).fma(f, p1).fma(f, one);
      p.reinterpretAsInts()
          .add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS))
          .reinterpretAsFloats()
          .intoMemorySegment(MEMORY, to + DECAY + V, ORDER);
    }
  }

  /** Leaves {@code exp(ΔA)} of a state, between 2^−125.5 and 2^127.5. */
  static void clampedDecays(long column, long work, long aAt, int steps) {
    FloatVector a = fromMemorySegment(SPECIES, MEMORY, aAt & MASK, ORDER);
    FloatVector rounder = broadcast(SPECIES, ScalarMath.ROUNDER);
    FloatVector p1 = broadcast(SPECIES, ScalarMath.P1);
    FloatVector p2 = broadcast(SPECIES, ScalarMath.P2);
    FloatVector p3 = broadcast(SPECIES, ScalarMath.P3);
    FloatVector p4 = broadcast(SPECIES, ScalarMath.P4);
    FloatVector p5 = broadcast(SPECIES, ScalarMath.P5);
    FloatVector one = broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      long to = (work + t * WORK_STEP) & MASK;
      FloatVector delta = fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER);
      FloatVector n = delta.fma(a, rounder);
      FloatVector f = delta.fma(a, rounder.sub(n));
      FloatVector p = f.fma(p5, p4).fma(f, p3).fma(f, p2).fma(f, p1).fma(f, one);
      p.reinterpretAsInts()
          .add(
              n.reinterpretAsInts()
                  .max(ScalarMath.EXPONENT_MIN)
                  .min(ScalarMath.EXPONENT_MAX)
                  .lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS))
          .reinterpretAsFloats()
          .intoMemorySegment(MEMORY, to + DECAY, ORDER);
    }
  }

  /** Makes an element of B and one of C of every step ready for state {@code g} of the group. */
  static void spread(long work, int g, long bAt, long cAt, long stride, int steps) {
    for (int t = 0; t < steps; t++) {
      long to = (work + t * WORK_STEP) & MASK;
      float b = MEMORY.get(FLOAT, (bAt + t * stride) & MASK);
      float c = MEMORY.get(FLOAT, (cAt + t * stride) & MASK);
      spread(to, g, b, c);
    }
  }

  /** Makes zeros ready for a state beyond the last. */
  static void spreadZeros(long work, int g, int steps) {
    for (int t = 0; t < steps; t++) {
      spread((work + t * WORK_STEP) & MASK, g, 0, 0);
    }
  }

  private static void spread(long to, int g, float b, float c) {
    if (SPREAD) {
      broadcast(SPECIES, b).intoMemorySegment(MEMORY, (to + B + g * V) & MASK, ORDER);
      broadcast(SPECIES, c).intoMemorySegment(MEMORY, (to + C + g * V) & MASK, ORDER);
    } else {
      MEMORY.set(FLOAT, (to + ELEMENTS + 4L * g) & MASK, b);
      MEMORY.set(FLOAT, (to + C_ELEMENTS + 4L * g) & MASK, c);
    }
  }

  /**
   * Runs four states through a chunk and adds C·h to OUT.
   *
   * @param column the channels' panels
   * @param work the work room
   * @param stateAt the first state's vector
   * @param next from a state's vector to the next one's
   * @param steps time steps
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void forward(long column, long work, long stateAt, long next, int steps) {
    FloatVector h0 = fromMemorySegment(SPECIES, MEMORY, stateAt & MASK, ORDER);
    FloatVector h1 = fromMemorySegment(SPECIES, MEMORY, (stateAt + next) & MASK, ORDER);
    FloatVector h2 = fromMemorySegment(SPECIES, MEMORY, (stateAt + 2 * next) & MASK, ORDER);
    FloatVector h3 = fromMemorySegment(SPECIES, MEMORY, (stateAt + 3 * next) & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      long w = (work + t * WORK_STEP) & MASK;
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + INPUT, ORDER);
      FloatVector y = fromMemorySegment(SPECIES, MEMORY, at + OUT, ORDER);
      FloatVector xb =
          x.mul(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS)));
      h0 = h0.fma(fromMemorySegment(SPECIES, MEMORY, w + DECAY, ORDER), xb);
      y =
          h0.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS)),
              y);
      xb =
          x.mul(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 4)));
      h1 = h1.fma(fromMemorySegment(SPECIES, MEMORY, w + DECAY + V, ORDER), xb);
      y =
          h1.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 4)),
              y);
      xb =
          x.mul(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + 2 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 8)));
      h2 = h2.fma(fromMemorySegment(SPECIES, MEMORY, w + DECAY + 2 * V, ORDER), xb);
      y =
          h2.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + 2 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 8)),
              y);
      xb =
          x.mul(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + 3 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 12)));
      h3 = h3.fma(fromMemorySegment(SPECIES, MEMORY, w + DECAY + 3 * V, ORDER), xb);
      y =
          h3.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + 3 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 12)),
              y);
      y.intoMemorySegment(MEMORY, at + OUT, ORDER);
    }
    h0.intoMemorySegment(MEMORY, stateAt & MASK, ORDER);
    h1.intoMemorySegment(MEMORY, (stateAt + next) & MASK, ORDER);
    h2.intoMemorySegment(MEMORY, (stateAt + 2 * next) & MASK, ORDER);
    h3.intoMemorySegment(MEMORY, (stateAt + 3 * next) & MASK, ORDER);
  }

  /**
   * Runs two states through a chunk and adds C·h to OUT, where no exponent needs a clamp and there
   * are registers for exponentials beside states.
   *
   * @param column the channels' panels
   * @param aAt the first state's vector of A
   * @param toState from there to its state
   * @param next from a state's vectors to the next one's
   * @param bAt its element of B at the first step
   * @param toC from there to that of C
   * @param stride from a step's elements to the next one's
   * @param steps time steps
   */
  static void plainForward(
      long column, long aAt, long toState, long next, long bAt, long toC, long stride, int steps) {
    long stateAt = aAt + toState;
    FloatVector a0 = fromMemorySegment(SPECIES, MEMORY, aAt & MASK, ORDER);
    FloatVector a1 = fromMemorySegment(SPECIES, MEMORY, (aAt + next) & MASK, ORDER);
    FloatVector h0 = fromMemorySegment(SPECIES, MEMORY, stateAt & MASK, ORDER);
    FloatVector h1 = fromMemorySegment(SPECIES, MEMORY, (stateAt + next) & MASK, ORDER);
    FloatVector rounder = broadcast(SPECIES, ScalarMath.ROUNDER);
    FloatVector p1 = broadcast(SPECIES, ScalarMath.P1);
    FloatVector p2 = broadcast(SPECIES, ScalarMath.P2);
    FloatVector p3 = broadcast(SPECIES, ScalarMath.P3);
    FloatVector p4 = broadcast(SPECIES, ScalarMath.P4);
    FloatVector p5 = broadcast(SPECIES, ScalarMath.P5);
    FloatVector one = broadcast(SPECIES, 1);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      long b = (bAt + t * stride) & MASK;
      long c = (bAt + toC + t * stride) & MASK;
      FloatVector delta = fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER);
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + INPUT, ORDER);
      FloatVector n = delta.fma(a0, rounder);
      FloatVector f = delta.fma(a0, rounder.sub(n));
      FloatVector p = f.fma(p5, p4).fma(f, p3).fma(f, p2).fma(f, p1).fma(f, one);
      h0 =
          p.reinterpretAsInts()
              .add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS))
              .reinterpretAsFloats()
              .fma(h0, x.mul(broadcast(SPECIES, MEMORY.get(FLOAT, b))));
      n = delta.fma(a1, rounder);
      f = delta.fma(a1, rounder.sub(n));
      p = f.fma(p5, p4).fma(f, p3).fma(f, p2).fma(f, p1).fma(f, one);
      h1 =
          p.reinterpretAsInts()
              .add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, ScalarMath.MANTISSA_BITS))
              .reinterpretAsFloats()
              .fma(h1, x.mul(broadcast(SPECIES, MEMORY.get(FLOAT, b + 4))));
      FloatVector y = fromMemorySegment(SPECIES, MEMORY, at + OUT, ORDER);
      y = h0.fma(broadcast(SPECIES, MEMORY.get(FLOAT, c)), y);
      y = h1.fma(broadcast(SPECIES, MEMORY.get(FLOAT, c + 4)), y);
      y.intoMemorySegment(MEMORY, at + OUT, ORDER);
    }
    h0.intoMemorySegment(MEMORY, stateAt & MASK, ORDER);
    h1.intoMemorySegment(MEMORY, (stateAt + next) & MASK, ORDER);
  }

  /** Sets the sums for B and C to zero. */
  static void clearSums(long work, int steps) {
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      long to = (work + t * WORK_STEP) & MASK;
      for (long i = B_SUM; i < C_SUM + GROUP * V; i += V) {
        zero.intoMemorySegment(MEMORY, (to + i) & MASK, ORDER);
      }
    }
  }

  /** {@link #forward} that keeps what {@link #back} needs and sums for C. */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void keep(long column, long work, long stateAt, long next, int steps) {
    FloatVector h0 = fromMemorySegment(SPECIES, MEMORY, stateAt & MASK, ORDER);
    FloatVector h1 = fromMemorySegment(SPECIES, MEMORY, (stateAt + next) & MASK, ORDER);
    FloatVector h2 = fromMemorySegment(SPECIES, MEMORY, (stateAt + 2 * next) & MASK, ORDER);
    FloatVector h3 = fromMemorySegment(SPECIES, MEMORY, (stateAt + 3 * next) & MASK, ORDER);
    for (int t = 0; t < steps; t++) {
      long at = (column + t * STEP) & MASK;
      long w = (work + t * WORK_STEP) & MASK;
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + INPUT, ORDER);
      FloatVector dy = fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER);
      FloatVector y = fromMemorySegment(SPECIES, MEMORY, at + OUT, ORDER);
      h0 = h0.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY, ORDER));
      h0.intoMemorySegment(MEMORY, w + DECAYED, ORDER);
      h0 =
          x.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS)),
              h0);
      y =
          h0.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS)),
              y);
      dy.fma(h0, fromMemorySegment(SPECIES, MEMORY, w + C_SUM, ORDER))
          .intoMemorySegment(MEMORY, w + C_SUM, ORDER);
      h1 = h1.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY + V, ORDER));
      h1.intoMemorySegment(MEMORY, w + DECAYED + V, ORDER);
      h1 =
          x.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 4)),
              h1);
      y =
          h1.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 4)),
              y);
      dy.fma(h1, fromMemorySegment(SPECIES, MEMORY, w + C_SUM + V, ORDER))
          .intoMemorySegment(MEMORY, w + C_SUM + V, ORDER);
      h2 = h2.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY + 2 * V, ORDER));
      h2.intoMemorySegment(MEMORY, w + DECAYED + 2 * V, ORDER);
      h2 =
          x.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + 2 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 8)),
              h2);
      y =
          h2.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + 2 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 8)),
              y);
      dy.fma(h2, fromMemorySegment(SPECIES, MEMORY, w + C_SUM + 2 * V, ORDER))
          .intoMemorySegment(MEMORY, w + C_SUM + 2 * V, ORDER);
      h3 = h3.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY + 3 * V, ORDER));
      h3.intoMemorySegment(MEMORY, w + DECAYED + 3 * V, ORDER);
      h3 =
          x.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + 3 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + ELEMENTS + 12)),
              h3);
      y =
          h3.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + 3 * V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, w + C_ELEMENTS + 12)),
              y);
      dy.fma(h3, fromMemorySegment(SPECIES, MEMORY, w + C_SUM + 3 * V, ORDER))
          .intoMemorySegment(MEMORY, w + C_SUM + 3 * V, ORDER);
      y.intoMemorySegment(MEMORY, at + OUT, ORDER);
    }
  }

  /**
   * Runs the gradients of two states back over what {@link #keep} kept.
   *
   * @param column the channels' panels
   * @param work the work room, moved to the first of the two
   * @param elements the work room, moved to the first element of the two
   * @param state the first state's vector of A
   * @param next from a state's vector to the next one's
   * @param grad from A to the gradient of the state
   * @param aGrad from A to the gradient of A
   * @param steps time steps
   */
  @SuppressWarnings("checkstyle:MethodLength") // a line for each register: an array is not one
  static void back(
      long column,
      long work,
      long elements,
      long state,
      long next,
      long grad,
      long aGrad,
      int steps) {
    FloatVector a0 = fromMemorySegment(SPECIES, MEMORY, state & MASK, ORDER);
    FloatVector a1 = fromMemorySegment(SPECIES, MEMORY, (state + next) & MASK, ORDER);
    FloatVector carried0 = fromMemorySegment(SPECIES, MEMORY, (state + grad) & MASK, ORDER);
    FloatVector sum0 = fromMemorySegment(SPECIES, MEMORY, (state + aGrad) & MASK, ORDER);
    FloatVector carried1 = fromMemorySegment(SPECIES, MEMORY, (state + next + grad) & MASK, ORDER);
    FloatVector sum1 = fromMemorySegment(SPECIES, MEMORY, (state + next + aGrad) & MASK, ORDER);
    for (int t = steps - 1; t >= 0; t--) {
      long at = (column + t * STEP) & MASK;
      long w = (work + t * WORK_STEP) & MASK;
      long e = (elements + t * WORK_STEP) & MASK;
      FloatVector dy = fromMemorySegment(SPECIES, MEMORY, at + OUT_GRAD, ORDER);
      FloatVector x = fromMemorySegment(SPECIES, MEMORY, at + INPUT, ORDER);
      FloatVector delta = fromMemorySegment(SPECIES, MEMORY, at + DELTA, ORDER);
      FloatVector inputGrad = fromMemorySegment(SPECIES, MEMORY, at + INPUT_GRAD, ORDER);
      FloatVector deltaGrad = fromMemorySegment(SPECIES, MEMORY, at + DELTA_GRAD, ORDER);
      FloatVector g =
          dy.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, e + C_ELEMENTS)),
              carried0);
      carried0 = g.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY, ORDER));
      FloatVector gah = g.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAYED, ORDER));
      inputGrad =
          g.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, e + ELEMENTS)),
              inputGrad);
      g.fma(x, fromMemorySegment(SPECIES, MEMORY, w + B_SUM, ORDER))
          .intoMemorySegment(MEMORY, w + B_SUM, ORDER);
      sum0 = gah.fma(delta, sum0);
      deltaGrad = gah.fma(a0, deltaGrad);
      g =
          dy.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + C + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, e + C_ELEMENTS + 4)),
              carried1);
      carried1 = g.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAY + V, ORDER));
      gah = g.mul(fromMemorySegment(SPECIES, MEMORY, w + DECAYED + V, ORDER));
      inputGrad =
          g.fma(
              SPREAD
                  ? fromMemorySegment(SPECIES, MEMORY, w + B + V, ORDER)
                  : broadcast(SPECIES, MEMORY.get(FLOAT, e + ELEMENTS + 4)),
              inputGrad);
      g.fma(x, fromMemorySegment(SPECIES, MEMORY, w + B_SUM + V, ORDER))
          .intoMemorySegment(MEMORY, w + B_SUM + V, ORDER);
      sum1 = gah.fma(delta, sum1);
      deltaGrad = gah.fma(a1, deltaGrad);
      inputGrad.intoMemorySegment(MEMORY, at + INPUT_GRAD, ORDER);
      deltaGrad.intoMemorySegment(MEMORY, at + DELTA_GRAD, ORDER);
    }
    carried0.intoMemorySegment(MEMORY, (state + grad) & MASK, ORDER);
    sum0.intoMemorySegment(MEMORY, (state + aGrad) & MASK, ORDER);
    carried1.intoMemorySegment(MEMORY, (state + next + grad) & MASK, ORDER);
    sum1.intoMemorySegment(MEMORY, (state + next + aGrad) & MASK, ORDER);
  }
}
