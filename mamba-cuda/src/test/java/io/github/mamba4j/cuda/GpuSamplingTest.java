package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuSamplingTest extends SamplingContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
