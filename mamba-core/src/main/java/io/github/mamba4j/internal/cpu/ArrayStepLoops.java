package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ArrayRows.read;
import static io.github.mamba4j.internal.cpu.ArrayRows.write;
import static io.github.mamba4j.internal.cpu.ScanStep.given;
import static io.github.mamba4j.internal.cpu.ScanStep.stateRow;
import static io.github.mamba4j.internal.cpu.Tiles.row;

import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;

/** The loops of {@link ScanStep} with the bits of {@link VectorStepLoops}, over arrays. */
final class ArrayStepLoops implements ScanStep.Loops {
  private static float[] rowOf(int which, View view, long row, int channel, int n) {
    return read(which, CpuStorage.of(view), row(view, row) + channel, n);
  }

  @Override
  public void inputs(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    int n = to - from;
    int channel = first + from;
    float[] delta = rowOf(0, in.dt(), sequence, channel, n);
    softplus(delta, rowOf(1, given(in.dtBias()), 0, channel, n), n);
    write(delta, tile, ScanStep.DELTA + (long) from, n);
    float[] u = rowOf(1, in.u(), sequence, channel, n);
    multiply(delta, u, n);
    write(delta, tile, ScanStep.INPUT + (long) from, n);
    multiply(u, rowOf(2, given(in.dSkip()), 0, channel, n), n);
    write(u, tile, ScanStep.OUT + (long) from, n);
  }

  private static void softplus(float[] x, float[] bias, int n) {
    for (int e = 0; e < n; e++) {
      x[e] = ScalarMath.softplus(x[e] + bias[e]);
    }
  }

  private static void multiply(float[] x, float[] y, int n) {
    for (int e = 0; e < n; e++) {
      x[e] *= y[e];
    }
  }

  @Override
  public void state(
      Forward scan, int sequence, int state, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    View before = given(in.initialState());
    View after = given(scan.finalState());
    int n = to - from;
    int channel = first + from;
    float b = CpuStorage.get(CpuStorage.of(in.b()), row(in.b(), sequence) + state);
    float c = CpuStorage.get(CpuStorage.of(in.c()), row(in.c(), sequence) + state);
    float[] rates = rowOf(0, in.a(), state, channel, n);
    float[] delta = read(1, tile, ScanStep.DELTA + (long) from, n);
    float[] input = read(2, tile, ScanStep.INPUT + (long) from, n);
    float[] out = read(3, tile, ScanStep.OUT + (long) from, n);
    long source = stateRow(before, scan.shape(), sequence, state) + channel;
    float[] h = read(4, CpuStorage.of(before), source, n);
    decay(delta, rates, n);
    advance(h, delta, input, b, n);
    addProducts(out, h, c, rates, n);
    long target = stateRow(after, scan.shape(), sequence, state) + channel;
    write(h, CpuStorage.of(after), target, n);
    write(out, tile, ScanStep.OUT + (long) from, n);
  }

  private static void decay(float[] delta, float[] rates, int n) {
    for (int e = 0; e < n; e++) {
      delta[e] = ScalarMath.exp2(delta[e] * (rates[e] * ScalarMath.LOG2_E));
    }
  }

  private static void advance(float[] h, float[] decays, float[] input, float b, int n) {
    for (int e = 0; e < n; e++) {
      h[e] = Math.fma(decays[e], h[e], input[e] * b);
    }
  }

  private static void addProducts(float[] out, float[] h, float c, float[] rates, int n) {
    for (int e = 0; e < n; e++) {
      out[e] = Math.fma(h[e], c, out[e]) + rates[e] * 0;
    }
  }

  @Override
  public void gate(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    int n = to - from;
    float[] out = read(0, tile, ScanStep.OUT + (long) from, n);
    gate(rowOf(1, given(scan.inputs().z()), sequence, first + from, n), out, n);
    write(out, CpuStorage.of(scan.out()), row(scan.out(), sequence) + first + from, n);
  }

  private static void gate(float[] z, float[] out, int n) {
    for (int e = 0; e < n; e++) {
      out[e] *= ScalarMath.silu(z[e]);
    }
  }
}
