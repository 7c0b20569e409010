package io.github.mamba4j.cuda;

@OnGpu
class GpuOptimizerTablesTest extends OptimizerTablesContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
