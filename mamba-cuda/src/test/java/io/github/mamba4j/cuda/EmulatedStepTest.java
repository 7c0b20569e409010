package io.github.mamba4j.cuda;

class EmulatedStepTest extends StepContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
