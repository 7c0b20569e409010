package io.github.mamba4j.bench.peers;

import java.util.Collection;

/** Waits until processes use no processor: threads of pools look for more work for a while. */
final class Quiet {
  private static final long WINDOW_MILLIS = 20;
  private static final int MOST_WINDOWS = 100;

  private Quiet() {}

  /** Waits until all are quiet, but two seconds at most. */
  static void await(Collection<ContestantProcess> processes) {
    long before = cpuNanos(processes);
    for (int i = 0; i < MOST_WINDOWS; i++) {
      try {
        Thread.sleep(WINDOW_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("peers: interrupted", e);
      }
      long now = cpuNanos(processes);
      if (now == before) {
        return;
      }
      before = now;
    }
  }

  private static long cpuNanos(Collection<ContestantProcess> processes) {
    return processes.stream().mapToLong(ContestantProcess::cpuNanos).sum();
  }
}
