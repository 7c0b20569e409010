package io.github.mamba4j.cuda;

@OnGpu
class GpuSamplingTest extends SamplingContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
