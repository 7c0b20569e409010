package io.github.mamba4j.cuda;

class EmulatedLossVariantsTest extends LossVariantsContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
