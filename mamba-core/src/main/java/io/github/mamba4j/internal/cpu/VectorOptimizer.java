package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Optimiser steps on vectors. */
final class VectorOptimizer extends CpuOptimizer {
  /*
   * The step of loops that read and write many segments. C2 takes no constant from an instance
   * field, so such a loop is none of its counted ones; for those JDK 25's C2 moves the bounds
   * checks out of the loop on a profile (profile_predicate) that fails at once, compiles again, and
   * ends in the slow code that puts every vector into an object. Measured with
   * -Xlog:deoptimization.
   */
  private final int hop = LANES;

  VectorOptimizer(WorkerPool pool) {
    super(pool, new VectorRows());
  }

  @Override
  void update(
      AdamW step,
      Slot slot,
      long start,
      int n,
      float clip,
      float keep,
      float rate,
      float rootScale) {
    MemorySegment values = offHeap(CpuStorage.of(slot.value()));
    MemorySegment grads = offHeap(CpuStorage.of(slot.grad()));
    MemorySegment firsts = offHeap(CpuStorage.of(slot.first()));
    MemorySegment seconds = offHeap(CpuStorage.of(slot.second()));
    long value = slot.value().offset() + start;
    long grad = slot.grad().offset() + start;
    long first = slot.first().offset() + start;
    long second = slot.second().offset() + start;
    FloatVector beta1 = FloatVector.broadcast(SPECIES, step.beta1());
    FloatVector beta2 = FloatVector.broadcast(SPECIES, step.beta2());
    FloatVector rootScales = FloatVector.broadcast(SPECIES, rootScale);
    FloatVector eps = FloatVector.broadcast(SPECIES, step.eps());
    FloatVector rates = FloatVector.broadcast(SPECIES, -rate);
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += hop) {
      FloatVector g = fromMemorySegment(SPECIES, grads, (grad + i) << 2, ORDER).mul(clip);
      FloatVector m =
          fromMemorySegment(SPECIES, firsts, (first + i) << 2, ORDER)
              .fma(beta1, g.mul(1 - step.beta1()));
      FloatVector v =
          fromMemorySegment(SPECIES, seconds, (second + i) << 2, ORDER)
              .fma(beta2, g.mul(1 - step.beta2()).mul(g));
      FloatVector root = v.sqrt().fma(rootScales, eps);
      FloatVector w = fromMemorySegment(SPECIES, values, (value + i) << 2, ORDER).mul(keep);
      m.div(root).fma(rates, w).intoMemorySegment(values, (value + i) << 2, ORDER);
      m.intoMemorySegment(firsts, (first + i) << 2, ORDER);
      v.intoMemorySegment(seconds, (second + i) << 2, ORDER);
    }
    ScalarOptimizer.updateSpan(step, slot, start + bound, n - bound, clip, keep, rate, rootScale);
  }
}
