package io.github.mamba4j.cuda;

class EmulatedSamplingTest extends SamplingContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
