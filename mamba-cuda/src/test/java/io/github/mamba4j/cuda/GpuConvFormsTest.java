package io.github.mamba4j.cuda;

@OnGpu
class GpuConvFormsTest extends ConvForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
