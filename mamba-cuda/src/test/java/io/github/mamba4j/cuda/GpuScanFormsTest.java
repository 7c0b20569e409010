package io.github.mamba4j.cuda;

import org.junit.jupiter.api.Tag;

@Tag("gpu")
class GpuScanFormsTest extends ScanFormsContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
