package io.github.mamba4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mamba4j.spi.DType;
import io.github.mamba4j.spi.StepKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("gpu")
class GpuStepTest extends StepContract {
  /** Launches each kernel after the end of the one before. */
  private record Late(Gpu gpu) implements GridLauncher {
    @Override
    public void launch(Kernel kernel, Grid grid, Arguments arguments) {
      gpu.launch(kernel, grid, arguments);
    }

    @Override
    public void launchTogether(Kernel kernel, Grid grid, Arguments arguments) {
      gpu.launchTogether(kernel, grid, arguments);
    }

    @Override
    public int capability() {
      return gpu.capability();
    }

    @Override
    public int multiprocessors() {
      return gpu.multiprocessors();
    }

    @Override
    public int sharedBytes() {
      return gpu.sharedBytes();
    }
  }

  @Override
  CudaBackend open() {
    return TestGpu.real();
  }

  /** Kernels that begin before the one before has ended must not read what it has yet to write. */
  @Test
  void step_kernelsThatBeginEarly_haveTheBitsOfKernelsThatWait() {
    StepKernels.Shape shape = StepCase.shape(64, 512, 1024, 16, 4, 32);
    try (CudaBackend backend = open()) {
      StepCase test = new StepCase(backend, shape, 4, DType.F32, true);
      test.run(new CudaStep(new Late(backend.gpu())), 0, shape.rows());
      double[][] expected = test.results();
      for (int i = 0; i < 10; i++) {
        test.rewind();
        test.run(backend.step().orElseThrow(), 0, shape.rows());
        assertThat(test.results()).isDeepEqualTo(expected);
      }
    }
  }
}
