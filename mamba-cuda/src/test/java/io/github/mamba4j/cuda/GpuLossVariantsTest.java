package io.github.mamba4j.cuda;

@OnGpu
class GpuLossVariantsTest extends LossVariantsContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
