package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link ScanStep} over vectors of channels. They return how many channels they did;
 * the last ones are left to {@link ScalarScanLoops}.
 */
final class VectorStepLoops {
  private static final long DELTA = ScanStep.DELTA * 4L;
  private static final long INPUT = ScanStep.INPUT * 4L;
  private static final long OUT = ScanStep.OUT * 4L;

  private VectorStepLoops() {}

  static int inputs(
      MemorySegment u,
      long uAt,
      MemorySegment dt,
      long dtAt,
      MemorySegment bias,
      long biasAt,
      MemorySegment skip,
      long skipAt,
      MemorySegment tile,
      int n) {
    u = offHeap(u);
    dt = offHeap(dt);
    bias = offHeap(bias);
    skip = offHeap(skip);
    tile = offHeap(tile);
    int bound = SPECIES.loopBound(n);
    for (int e = 0; e < bound; e += LANES) {
      FloatVector raw =
          fromMemorySegment(SPECIES, dt, (dtAt + e) << 2, ORDER)
              .add(fromMemorySegment(SPECIES, bias, (biasAt + e) << 2, ORDER));
      FloatVector delta = VectorMath.softplus(raw);
      FloatVector input = fromMemorySegment(SPECIES, u, (uAt + e) << 2, ORDER);
      delta.intoMemorySegment(tile, DELTA + 4L * e, ORDER);
      delta.mul(input).intoMemorySegment(tile, INPUT + 4L * e, ORDER);
      fromMemorySegment(SPECIES, skip, (skipAt + e) << 2, ORDER)
          .mul(input)
          .intoMemorySegment(tile, OUT + 4L * e, ORDER);
    }
    return bound;
  }

  static int state(
      MemorySegment a,
      long aAt,
      float b,
      float c,
      MemorySegment before,
      long beforeAt,
      MemorySegment after,
      long afterAt,
      MemorySegment tile,
      int n) {
    a = offHeap(a);
    before = offHeap(before);
    after = offHeap(after);
    tile = offHeap(tile);
    int bound = SPECIES.loopBound(n);
    FloatVector bs = FloatVector.broadcast(SPECIES, b);
    FloatVector cs = FloatVector.broadcast(SPECIES, c);
    for (int e = 0; e < bound; e += LANES) {
      FloatVector rate = fromMemorySegment(SPECIES, a, (aAt + e) << 2, ORDER);
      FloatVector y =
          fromMemorySegment(SPECIES, tile, DELTA + 4L * e, ORDER).mul(rate.mul(ScalarMath.LOG2_E));
      FloatVector input = fromMemorySegment(SPECIES, tile, INPUT + 4L * e, ORDER).mul(bs);
      FloatVector h =
          VectorMath.exp2(y)
              .fma(fromMemorySegment(SPECIES, before, (beforeAt + e) << 2, ORDER), input);
      h.intoMemorySegment(after, (afterAt + e) << 2, ORDER);
      h.fma(cs, fromMemorySegment(SPECIES, tile, OUT + 4L * e, ORDER))
          .add(rate.sub(rate))
          .intoMemorySegment(tile, OUT + 4L * e, ORDER);
    }
    return bound;
  }

  static int gate(
      MemorySegment tile, MemorySegment z, long zAt, MemorySegment out, long outAt, int n) {
    tile = offHeap(tile);
    z = offHeap(z);
    out = offHeap(out);
    int bound = SPECIES.loopBound(n);
    for (int e = 0; e < bound; e += LANES) {
      FloatVector gate = VectorMath.silu(fromMemorySegment(SPECIES, z, (zAt + e) << 2, ORDER));
      fromMemorySegment(SPECIES, tile, OUT + 4L * e, ORDER)
          .mul(gate)
          .intoMemorySegment(out, (outAt + e) << 2, ORDER);
    }
    return bound;
  }
}
