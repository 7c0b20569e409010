package io.github.mamba4j.cuda;

@OnGpu
class GpuScanBackwardFormsTest extends ScanBackwardForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
