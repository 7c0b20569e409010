package io.github.mamba4j.internal.cpu;

/** The scans of Mamba-2 in plain loops. */
final class ScalarSsd extends CpuSsd {
  ScalarSsd(WorkerPool pool) {
    super(pool, new ScalarRows(), new ScalarScanLoops(), new ScalarSsdLoops());
  }
}
