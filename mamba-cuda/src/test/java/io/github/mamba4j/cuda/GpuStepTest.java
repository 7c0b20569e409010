package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@OnGpu
class GpuStepTest extends StepContract {
  @Override
  CudaBackend open() {
    return TestGpu.real();
  }

  /** In the forms that a GPU's number of multiprocessors leads to. */
  @ParameterizedTest
  @CsvSource({"64, 768, BF16", "40, 1024, F32"})
  void step_sequencesOfPublishedModels_followTheEquations(int rows, int dModel, DType small) {
    StepKernels.Shape shape = StepCase.shape(rows, dModel, 2 * dModel, 16, 4, dModel / 16);
    try (CudaBackend backend = open()) {
      StepCase test = new StepCase(backend, shape, 3, small, false);
      assertFollows(test, backend.step().orElseThrow());
    }
  }

  /** Kernels that begin before the one before has ended must not read what it has yet to write. */
  @Test
  void step_kernelsThatBeginEarly_haveTheBitsOfKernelsThatWait() {
    StepKernels.Shape shape = StepCase.shape(64, 512, 1024, 16, 4, 32);
    try (CudaBackend backend = open()) {
      StepCase test = new StepCase(backend, shape, 4, DType.F32, true);
      test.run(new CudaStep(new PassingLauncher(backend.gpu())), 0, shape.rows());
      double[][] expected = test.results();
      for (int i = 0; i < 10; i++) {
        test.rewind();
        test.run(backend.step().orElseThrow(), 0, shape.rows());
        assertThat(Arrays.deepEquals(test.results(), expected)).isTrue();
      }
    }
  }
}
