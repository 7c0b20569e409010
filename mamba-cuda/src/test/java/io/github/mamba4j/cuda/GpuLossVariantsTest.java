package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuLossVariantsTest extends LossVariantsContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
