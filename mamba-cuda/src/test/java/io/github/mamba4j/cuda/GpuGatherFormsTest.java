package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuGatherFormsTest extends GatherForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
