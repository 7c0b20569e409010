package io.github.mamba4j.cuda;

@OnGpu
class GpuNormFormsTest extends NormForms {
  @Override
  CudaBackend open() {
    return TestGpu.mirrored();
  }
}
