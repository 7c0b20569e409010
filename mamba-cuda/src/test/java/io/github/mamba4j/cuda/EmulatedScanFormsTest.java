package io.github.mamba4j.cuda;

class EmulatedScanFormsTest extends ScanFormsContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
