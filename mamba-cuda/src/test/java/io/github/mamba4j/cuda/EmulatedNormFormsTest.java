package io.github.mamba4j.cuda;

class EmulatedNormFormsTest extends NormForms {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
