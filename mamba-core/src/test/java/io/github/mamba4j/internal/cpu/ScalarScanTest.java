package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarScanTest extends ScanKernelsContract {
  @Override
  ScanKernels kernels(WorkerPool pool) {
    return new ScalarScan(pool);
  }
}
