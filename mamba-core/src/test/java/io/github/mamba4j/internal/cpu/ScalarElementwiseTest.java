package io.github.mamba4j.internal.cpu;

import io.github.mamba4j.spi.ElementwiseKernels;
import org.junit.jupiter.api.Tag;

@Tag("kernels")
class ScalarElementwiseTest extends ElementwiseKernelsContract {
  @Override
  ElementwiseKernels kernels(WorkerPool pool) {
    return new ScalarElementwise(pool);
  }
}
