package io.github.mamba4j.internal.cpu;

/** The scans on vectors of channels. */
final class VectorScan extends CpuScan {
  VectorScan(WorkerPool pool) {
    super(pool, new VectorScanLoops(), new VectorStepLoops(), new VectorPrefixColumns());
  }
}
