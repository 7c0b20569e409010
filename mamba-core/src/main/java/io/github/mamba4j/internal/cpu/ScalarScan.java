package io.github.mamba4j.internal.cpu;

/** The scans in plain loops. */
final class ScalarScan extends CpuScan {
  ScalarScan(WorkerPool pool) {
    super(pool, new ScalarScanLoops(), new ScalarStepLoops(), new ScalarPrefixColumns());
  }
}
