package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;
import static io.github.mamba4j.internal.cpu.ScanStep.given;
import static io.github.mamba4j.internal.cpu.ScanStep.stateRow;
import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/** The loops of {@link ScanStep}, one channel at a time. */
final class ScalarStepLoops implements ScanStep.Loops {
  @Override
  public void inputs(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    View bias = given(in.dtBias());
    View skip = given(in.dSkip());
    long u = row(in.u(), sequence) + first;
    long dt = row(in.dt(), sequence) + first;
    for (int e = from; e < to; e++) {
      float shift = get(CpuStorage.of(bias), bias.offset() + first + e);
      float delta = ScalarMath.softplus(get(CpuStorage.of(in.dt()), dt + e) + shift);
      float input = get(CpuStorage.of(in.u()), u + e);
      set(tile, ScanStep.DELTA + e, delta);
      set(tile, ScanStep.INPUT + e, delta * input);
      set(tile, ScanStep.OUT + e, get(CpuStorage.of(skip), skip.offset() + first + e) * input);
    }
  }

  @Override
  public void state(
      Forward scan, int sequence, int state, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    View before = given(in.initialState());
    View after = given(scan.finalState());
    float b = get(CpuStorage.of(in.b()), row(in.b(), sequence) + state);
    float c = get(CpuStorage.of(in.c()), row(in.c(), sequence) + state);
    long a = row(in.a(), state) + first;
    long source = stateRow(before, scan.shape(), sequence, state) + first;
    long target = stateRow(after, scan.shape(), sequence, state) + first;
    for (int e = from; e < to; e++) {
      float rate = get(CpuStorage.of(in.a()), a + e);
      float decay = ScalarMath.exp2(get(tile, ScanStep.DELTA + e) * (rate * ScalarMath.LOG2_E));
      float input = get(tile, ScanStep.INPUT + e) * b;
      float h = Math.fma(decay, get(CpuStorage.of(before), source + e), input);
      set(CpuStorage.of(after), target + e, h);
      float out = Math.fma(h, c, get(tile, ScanStep.OUT + e));
      set(tile, ScanStep.OUT + e, out + rate * 0);
    }
  }

  @Override
  public void gate(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    View z = given(scan.inputs().z());
    long gate = row(z, sequence) + first;
    long out = row(scan.out(), sequence) + first;
    for (int e = from; e < to; e++) {
      float factor = ScalarMath.silu(get(CpuStorage.of(z), gate + e));
      set(CpuStorage.of(scan.out()), out + e, get(tile, ScanStep.OUT + e) * factor);
    }
  }
}
