package io.github.mamba4j.cuda;

class EmulatedBesideTest extends BesideContract {
  EmulatedBesideTest() {
    super(16, 2, 21);
  }

  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }

  @Override
  CudaBackend openInOrder() {
    return new CudaBackend(EmulatedGpu.inOrder());
  }
}
