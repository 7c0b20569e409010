package io.github.mamba4j.cuda;

class EmulatedSsdFormsTest extends SsdForms {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
