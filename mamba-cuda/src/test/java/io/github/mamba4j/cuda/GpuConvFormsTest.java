package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuConvFormsTest extends ConvForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
