package io.github.mamba4j.cuda;

class EmulatedConvFormsTest extends ConvForms {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
