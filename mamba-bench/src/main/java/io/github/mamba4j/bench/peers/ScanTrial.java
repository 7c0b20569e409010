package io.github.mamba4j.bench.peers;

import io.github.mamba4j.bench.ScanChannels;
import java.util.Map;

/** A selective scan that is ready to be timed: its first result was right. */
final class ScanTrial implements Trial {
  private final Scan scan;
  private final long peak;

  /** A selective scan of one way to compute it. */
  interface Scan extends Runnable, AutoCloseable {
    /** Scans, and computes all gradients if it was made for that. */
    @Override
    void run();

    /**
     * Compares the first result with sums in double precision.
     *
     * @throws IllegalStateException if it is wrong
     */
    void check(ScanChannels channels);

    @Override
    void close();
  }

  /** Makes scans. */
  interface Maker {
    /** Copies the inputs; memory for results is asked for by the first run. */
    Scan make(ScanChannels channels, boolean gradients);
  }

  /** Warms up on a small scan, then runs the cell's once, watches its memory and checks it. */
  ScanTrial(String cell, Maker maker) {
    boolean gradients = ScanWork.withGradients(cell);
    try (Scan small = maker.make(ScanWork.small(), gradients)) {
      ScanWork.warmUp(small);
    }
    ScanChannels channels = ScanWork.channels(cell);
    scan = maker.make(channels, gradients);
    ProcessMemory memory = ProcessMemory.watch();
    scan.run();
    peak = memory.growth();
    scan.check(channels);
  }

  @Override
  public double seconds() {
    return Trial.time(scan);
  }

  @Override
  public Map<String, Object> facts() {
    return Map.of(PEAK_BYTES, peak);
  }

  @Override
  public void close() {
    scan.close();
  }
}
