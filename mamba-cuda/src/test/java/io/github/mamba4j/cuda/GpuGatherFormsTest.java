package io.github.mamba4j.cuda;

@OnGpu
class GpuGatherFormsTest extends GatherForms {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }
}
