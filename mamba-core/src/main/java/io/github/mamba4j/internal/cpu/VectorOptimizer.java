package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Optimiser steps on vectors. */
final class VectorOptimizer extends CpuOptimizer {
  VectorOptimizer(WorkerPool pool) {
    super(pool);
  }

  @Override
  float squares(MemorySegment x, long start, int n) {
    FloatVector sum0 = FloatVector.zero(SPECIES);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    // Four sums hide the latency of the addition.
    for (; i <= n - 4 * LANES; i += 4 * LANES) {
      FloatVector x0 = load(x, start + i);
      FloatVector x1 = load(x, start + i + LANES);
      FloatVector x2 = load(x, start + i + 2 * LANES);
      FloatVector x3 = load(x, start + i + 3 * LANES);
      sum0 = x0.fma(x0, sum0);
      sum1 = x1.fma(x1, sum1);
      sum2 = x2.fma(x2, sum2);
      sum3 = x3.fma(x3, sum3);
    }
    for (; i <= n - LANES; i += LANES) {
      FloatVector x0 = load(x, start + i);
      sum0 = x0.fma(x0, sum0);
    }
    float sum = VectorMath.sum(sum0.add(sum1).add(sum2.add(sum3)));
    return sum + ScalarOptimizer.squaresSpan(x, start + i, n - i);
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
    MemorySegment values = CpuStorage.of(slot.value());
    MemorySegment grads = CpuStorage.of(slot.grad());
    MemorySegment firsts = CpuStorage.of(slot.first());
    MemorySegment seconds = CpuStorage.of(slot.second());
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
    for (int i = 0; i < bound; i += LANES) {
      FloatVector g = load(grads, grad + i).mul(clip);
      FloatVector m = load(firsts, first + i).fma(beta1, g.mul(1 - step.beta1()));
      FloatVector v = load(seconds, second + i).fma(beta2, g.mul(1 - step.beta2()).mul(g));
      FloatVector root = v.sqrt().fma(rootScales, eps);
      FloatVector w = load(values, value + i).mul(keep);
      store(m.div(root).fma(rates, w), values, value + i);
      store(m, firsts, first + i);
      store(v, seconds, second + i);
    }
    ScalarOptimizer.updateSpan(
        step, slot, start + bound, n - bound, clip, keep, rate, rootScale);
  }
}
