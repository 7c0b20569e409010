package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuStepTest extends StepContract {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
