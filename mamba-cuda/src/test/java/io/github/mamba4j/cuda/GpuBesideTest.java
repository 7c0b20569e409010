package io.github.mamba4j.cuda;

@OnGpu
class GpuBesideTest extends BesideContract {
  GpuBesideTest() {
    super(768, 8, 512);
  }

  @Override
  CudaBackend open() {
    return TestGpu.real();
  }

  @Override
  CudaBackend openInOrder() {
    return TestGpu.mirrored();
  }
}
