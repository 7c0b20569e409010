package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.ScanStep.given;
import static io.github.mamba4j.internal.cpu.ScanStep.stateRow;
import static io.github.mamba4j.internal.cpu.Tiles.row;
import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.ORDER;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import io.github.mamba4j.spi.ScanKernels.Forward;
import io.github.mamba4j.spi.ScanKernels.Inputs;
import io.github.mamba4j.spi.View;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The loops of {@link ScanStep} over vectors of channels. */
final class VectorStepLoops implements ScanStep.Loops {
  private static final long DELTA = ScanStep.DELTA * 4L;
  private static final long INPUT = ScanStep.INPUT * 4L;
  private static final long OUT = ScanStep.OUT * 4L;

  /** Only for channels that fill no vector. */
  private static final ScanStep.Loops TAIL = new ScalarStepLoops();

  @Override
  public void inputs(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    View biases = given(in.dtBias());
    View skips = given(in.dSkip());
    MemorySegment u = offHeap(CpuStorage.of(in.u()));
    MemorySegment dt = offHeap(CpuStorage.of(in.dt()));
    MemorySegment bias = offHeap(CpuStorage.of(biases));
    MemorySegment skip = offHeap(CpuStorage.of(skips));
    tile = offHeap(tile);
    long uAt = row(in.u(), sequence) + first;
    long dtAt = row(in.dt(), sequence) + first;
    long biasAt = biases.offset() + first;
    long skipAt = skips.offset() + first;
    int e = from;
    for (; e <= to - LANES; e += LANES) {
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
    TAIL.inputs(scan, sequence, first, e, to, tile);
  }

  @Override
  public void state(
      Forward scan, int sequence, int state, int first, int from, int to, MemorySegment tile) {
    Inputs in = scan.inputs();
    View old = given(in.initialState());
    View last = given(scan.finalState());
    MemorySegment a = offHeap(CpuStorage.of(in.a()));
    MemorySegment before = offHeap(CpuStorage.of(old));
    MemorySegment after = offHeap(CpuStorage.of(last));
    tile = offHeap(tile);
    long aAt = row(in.a(), state) + first;
    long beforeAt = stateRow(old, scan.shape(), sequence, state) + first;
    long afterAt = stateRow(last, scan.shape(), sequence, state) + first;
    float b = CpuStorage.get(CpuStorage.of(in.b()), row(in.b(), sequence) + state);
    float c = CpuStorage.get(CpuStorage.of(in.c()), row(in.c(), sequence) + state);
    FloatVector bs = FloatVector.broadcast(SPECIES, b);
    FloatVector cs = FloatVector.broadcast(SPECIES, c);
    int e = from;
    for (; e <= to - LANES; e += LANES) {
      FloatVector rate = fromMemorySegment(SPECIES, a, (aAt + e) << 2, ORDER);
      FloatVector y =
          fromMemorySegment(SPECIES, tile, DELTA + 4L * e, ORDER).mul(rate.mul(ScalarMath.LOG2_E));
      FloatVector input = fromMemorySegment(SPECIES, tile, INPUT + 4L * e, ORDER).mul(bs);
      FloatVector h =
          VectorMath.exp2(y)
              .fma(fromMemorySegment(SPECIES, before, (beforeAt + e) << 2, ORDER), input);
      h.intoMemorySegment(after, (afterAt + e) << 2, ORDER);
      h.fma(cs, fromMemorySegment(SPECIES, tile, OUT + 4L * e, ORDER))
          .add(rate.mul(0))
          .intoMemorySegment(tile, OUT + 4L * e, ORDER);
    }
    TAIL.state(scan, sequence, state, first, e, to, tile);
  }

  @Override
  public void gate(Forward scan, int sequence, int first, int from, int to, MemorySegment tile) {
    View gates = given(scan.inputs().z());
    MemorySegment z = offHeap(CpuStorage.of(gates));
    MemorySegment out = offHeap(CpuStorage.of(scan.out()));
    tile = offHeap(tile);
    long zAt = row(gates, sequence) + first;
    long outAt = row(scan.out(), sequence) + first;
    int e = from;
    for (; e <= to - LANES; e += LANES) {
      FloatVector gate = VectorMath.silu(fromMemorySegment(SPECIES, z, (zAt + e) << 2, ORDER));
      fromMemorySegment(SPECIES, tile, OUT + 4L * e, ORDER)
          .mul(gate)
          .intoMemorySegment(out, (outAt + e) << 2, ORDER);
    }
    TAIL.gate(scan, sequence, first, e, to, tile);
  }
}
