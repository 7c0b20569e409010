package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.VectorAccess.LANES;
import static io.github.mamba4j.internal.cpu.VectorAccess.SPECIES;
import static io.github.mamba4j.internal.cpu.VectorAccess.load;
import static io.github.mamba4j.internal.cpu.VectorAccess.offHeap;
import static io.github.mamba4j.internal.cpu.VectorAccess.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The inner loops of Mamba-2 on vectors. */
final class VectorSsdLoops implements SsdLoops {
  @Override
  public void step(
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width) {
    MemorySegment before = offHeap(from);
    MemorySegment after = offHeap(to);
    MemorySegment parts = offHeap(tile);
    FloatVector bs = FloatVector.broadcast(SPECIES, b);
    FloatVector cs = FloatVector.broadcast(SPECIES, c);
    int bound = SPECIES.loopBound(width);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector kept = load(parts, i).mul(load(before, fromAt + i));
      FloatVector state = load(parts, SsdSteps.WIDTH + i).fma(bs, kept);
      store(state, after, toAt + i);
      store(state.fma(cs, load(parts, 2 * SsdSteps.WIDTH + i)), parts, 2 * SsdSteps.WIDTH + i);
    }
    ScalarSsdLoops.stepFrom(bound, from, fromAt, to, toAt, tile, b, c, width);
  }
}
