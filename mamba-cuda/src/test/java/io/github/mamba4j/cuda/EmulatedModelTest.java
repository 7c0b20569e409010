package io.github.mamba4j.cuda;

class EmulatedModelTest extends ModelOnGpuContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
