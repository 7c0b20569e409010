package io.github.mamba4j.cuda;

@OnGpu
class GpuScanFormsTest extends ScanFormsContract {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
