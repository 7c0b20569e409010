package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** Optimiser steps in plain loops. */
final class ScalarOptimizer extends CpuOptimizer {
  ScalarOptimizer(WorkerPool pool) {
    super(pool, new ScalarRows());
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
    updateSpan(step, slot, start, n, clip, keep, rate, rootScale);
  }

  static void updateSpan(
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
    for (int i = 0; i < n; i++) {
      float g = get(grads, grad + i) * clip;
      float m = Math.fma(step.beta1(), get(firsts, first + i), (1 - step.beta1()) * g);
      float v = Math.fma(step.beta2(), get(seconds, second + i), (1 - step.beta2()) * g * g);
      float root = Math.fma((float) Math.sqrt(v), rootScale, step.eps());
      float w = get(values, value + i) * keep;
      set(values, value + i, Math.fma(-rate, m / root, w));
      set(firsts, first + i, m);
      set(seconds, second + i, v);
    }
  }
}
