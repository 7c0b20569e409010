package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ScanKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIf;

@Tag("kernels")
@EnabledIf(VectorModule.PRESENT)
class VectorPrefixScanTest extends PrefixScanContract {
  @Override
  ScanKernels kernels(WorkerPool pool) {
    return new VectorScan(pool);
  }
}
