package io.github.mamba4j.cuda;

class EmulatedOptimizerTablesTest extends OptimizerTablesContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
