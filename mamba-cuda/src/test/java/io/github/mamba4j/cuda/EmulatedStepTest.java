package io.github.mamba4j.cuda;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EmulatedStepTest extends StepContract {
  @Override
  CudaBackend open() {
    return TestGpu.emulated();
  }

  /** With tiles of 8 channels, and with rows that have several pieces. */
  @ParameterizedTest
  @CsvSource({
    "227, 1280, 1280, 160, BF16, false",
    "227, 1280, 1280, 80, F32, true",
    "50, 1024, 2048, 20, BF16, false"
  })
  void step_longRows_followsTheEquations(
      int sharedKilobytes, int dModel, int dInner, int rank, DType small, boolean bias) {
    try (CudaBackend backend = open()) {
      StepKernels kernels =
          new CudaStep(
              new PassingLauncher(backend.gpu()) {
                @Override
                public int multiprocessors() {
                  return 16;
                }

                @Override
                public int sharedBytes() {
                  return sharedKilobytes << 10;
                }
              });
      StepKernels.Shape shape = StepCase.shape(1, dModel, dInner, 16, 4, rank);
      assertFollows(new StepCase(backend, shape, 2, small, bias), kernels);
    }
  }
}
