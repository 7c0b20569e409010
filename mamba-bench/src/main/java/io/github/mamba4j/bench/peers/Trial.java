package io.github.mamba4j.bench.peers;

import java.util.Map;

/** A piece of work that is ready to be timed. */
interface Trial extends AutoCloseable {
  /**
   * In {@link #facts}: the operations that the work needs, for its share of the arithmetic peak.
   */
  String BOUND_FLOPS = "boundFlops";

  /** In {@link #facts}: the bytes that must be read, for its share of the read bandwidth. */
  String BOUND_BYTES = "boundBytes";

  /** In {@link #facts}: how much the process grew at most while it did the work, in bytes. */
  String PEAK_BYTES = "peakBytes";

  /** Does the work once and returns how long the part that counts took, in seconds. */
  double seconds();

  /** Returns how long a sample is to take, in seconds; the work is done at least once. */
  default double sampleSeconds() {
    return 0.1;
  }

  /** Returns numbers that all contestants must agree on. */
  default double[] values() {
    return new double[0];
  }

  /** Returns what else is known. */
  default Map<String, Object> facts() {
    return Map.of();
  }

  @Override
  default void close() {}

  /** Returns how long something takes, in seconds. */
  static double time(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) * 1e-9;
  }
}
