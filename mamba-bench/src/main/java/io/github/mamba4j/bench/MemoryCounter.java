package io.github.mamba4j.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a benchmark holds outside the heap, the same in every iteration. */
@AuxCounters(AuxCounters.Type.EVENTS)
@State(Scope.Thread)
public class MemoryCounter {
  /** Memory taken from the device for one token of a batch, without the parameters. */
  public double reservedBytesPerToken;
}
