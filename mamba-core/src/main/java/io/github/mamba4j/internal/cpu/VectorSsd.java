package io.github.mamba4j.internal.cpu;

/** The scans of Mamba-2 on vectors of channels or steps. */
final class VectorSsd extends CpuSsd {
  VectorSsd(WorkerPool pool) {
    super(pool, new VectorRows(), new VectorScanLoops(), new VectorSsdLoops());
  }
}
