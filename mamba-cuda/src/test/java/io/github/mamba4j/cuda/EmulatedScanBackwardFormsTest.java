package io.github.mamba4j.cuda;

class EmulatedScanBackwardFormsTest extends ScanBackwardForms {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
