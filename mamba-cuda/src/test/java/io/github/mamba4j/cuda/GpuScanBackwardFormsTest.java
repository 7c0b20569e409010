package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuScanBackwardFormsTest extends ScanBackwardForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
