package io.github.mamba4j.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Counts bytes that come from memory because no cache holds them; JMH divides them by the time. */
@AuxCounters(AuxCounters.Type.OPERATIONS)
@State(Scope.Thread)
public class ReadCounter {
  /** Bytes read. */
  public long readBytes;
}
