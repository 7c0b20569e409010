package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuModelTest extends ModelOnGpuContract {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
