package io.github.mamba4j.internal.cpu;

import static io.github.mamba4j.internal.cpu.CpuStorage.get;
import static io.github.mamba4j.internal.cpu.CpuStorage.set;

import java.lang.foreign.MemorySegment;

/** The inner loops of Mamba-2 in plain Java. */
final class ScalarSsdLoops implements SsdLoops {
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
    stepFrom(0, from, fromAt, to, toAt, tile, b, c, width);
  }

  static void stepFrom(
      int first,
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width) {
    for (int i = first; i < width; i++) {
      float kept = get(tile, i) * get(from, fromAt + i);
      float state = Math.fma(get(tile, SsdSteps.WIDTH + i), b, kept);
      set(to, toAt + i, state);
      set(tile, 2 * SsdSteps.WIDTH + i, Math.fma(c, state, get(tile, 2 * SsdSteps.WIDTH + i)));
    }
  }
}
