package io.github.mamba4j.cuda;

@OnGpu
class GpuModelTest extends ModelOnGpuContract {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
