package io.github.mamba4j.internal.cpu;

import java.lang.foreign.MemorySegment;

/** The inner loops of the scans of Mamba-2. Offsets and strides are in floats. */
interface SsdLoops {
  /**
   * One step of one state of a stretch of channels: {@code to = decay·from + input·b; out += c·to},
   * with decay, input and out in the tile, {@link SsdSteps#WIDTH} apart.
   *
   * @param from the state before
   * @param fromAt its first element
   * @param to the state after; may be the same elements
   * @param toAt its first element
   * @param tile decay, input and out
   * @param b element of B
   * @param c element of C
   * @param width channels
   */
  void step(
      MemorySegment from,
      long fromAt,
      MemorySegment to,
      long toAt,
      MemorySegment tile,
      float b,
      float c,
      int width);
}
