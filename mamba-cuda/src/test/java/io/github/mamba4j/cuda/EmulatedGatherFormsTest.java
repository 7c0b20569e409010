package io.github.mamba4j.cuda;

class EmulatedGatherFormsTest extends GatherForms {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }
}
