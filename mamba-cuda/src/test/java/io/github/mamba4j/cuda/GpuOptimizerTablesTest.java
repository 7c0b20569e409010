package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuOptimizerTablesTest extends OptimizerTablesContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
