package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuNormFormsTest extends NormForms {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
